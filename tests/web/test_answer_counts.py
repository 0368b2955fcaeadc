"""The counts of answers."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stageproxy.web.answer_counts import SECONDS, AnswerCounts

ANSWERS = [
    ("preview", "GET", 200, 0.0),
    ("preview", "GET", 200, 0.005),
    ("preview", "GET", 304, 0.0051),
    ("preview", "HEAD", 200, 61.0),
    ("upload", "POST", 400, 2.5),
    ("unmatched", "BREW", 405, 0.25),
    ("unmatched", "MKCOL", 405, 0.5),
]


def samples(registry: CollectorRegistry) -> Mapping[tuple[str, ...], float]:
    """Return all numbers of the metrics but the times at which they were first counted."""
    text = generate_latest(registry).decode()
    return {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if not one.name.endswith("_created")
    }


def test_same_as_counters_of_prometheus() -> None:
    """The metrics are those that a counter and a histogram of prometheus_client have."""
    counts, ours, theirs = AnswerCounts(), CollectorRegistry(), CollectorRegistry()
    ours.register(counts)
    requests = Counter("stageproxy_requests", "", ["handler", "method", "status"], registry=theirs)
    taken = Histogram(
        "stageproxy_request_seconds", "", ["handler"], buckets=SECONDS, registry=theirs
    )

    for handler, method, status, seconds in ANSWERS:
        counts.add(handler, method, status, seconds)
        known = method if method in {"GET", "HEAD", "POST"} else "other"
        requests.labels(handler, known, status).inc()
        taken.labels(handler).observe(seconds)

    assert samples(ours) == samples(theirs)
    assert len(samples(ours)) == 5 + 3 * (8 + 2)


def test_reading_counts_nothing() -> None:
    """Metrics that are read twice are the same, and none are lost in between."""
    counts, registry = AnswerCounts(), CollectorRegistry()
    registry.register(counts)
    counts.add("preview", "GET", 200, 0.1)

    before = samples(registry)

    assert samples(registry) == before
    counts.add("preview", "GET", 304, 0.1)
    assert samples(registry)["stageproxy_request_seconds_count", "preview"] == 2
