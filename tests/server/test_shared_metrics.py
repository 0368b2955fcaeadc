"""The metrics of several workers, added up."""

from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stageproxy.server.shared_metrics import SharedMetrics
from stageproxy.web.metrics import Metrics


@pytest.fixture
def shared(tmp_path: Path) -> SharedMetrics:
    """Return the folder of a server that has just started."""
    folder = SharedMetrics(tmp_path / "metrics")
    folder.begin()
    return folder


def busy(answers: int, *, waiting: int = 0, seconds: float = 0.01) -> Metrics:
    """Return the metrics of a worker that has answered."""
    metrics = Metrics()
    for _ in range(answers):
        metrics.count_answer("upload", "POST", 200, seconds)
    metrics.count_inspection("archive", "answered", seconds)
    metrics.show_waiting(waiting)
    return metrics


def shown(shared: SharedMetrics, worker: str, metrics: Metrics) -> dict[str, float]:
    """Return what a worker shows when it is asked, as it is read: sums and single values."""
    text = generate_latest(shared.collect(worker, metrics.registry)).decode()
    return {
        f"{sample.name}{sample.labels.get('le', '')}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of_stageproxy(found: dict[str, float]) -> dict[str, float]:
    """Return what does not change by itself."""
    return {name: value for name, value in found.items() if name.startswith("stageproxy_")}


def doubting(lead: float) -> Metrics:
    """Return the metrics of a worker whose clock is ahead and whose upstream fails, or neither."""
    metrics = busy(1)
    metrics.limits.use(10)
    metrics.watch(disk_free=lambda: 7.0, wal_bytes=lambda: 8.0, clock_doubt=lambda: lead)
    metrics.watch_upstream(lambda: lead == 0, lambda: int(lead))
    return metrics


def test_added_up(shared: SharedMetrics) -> None:
    """Any worker shows the counters, histograms and gauges of all of them together."""
    first, second = busy(3, waiting=1), busy(4, waiting=2, seconds=1.0)
    shared.save("second", second.registry)
    found = shown(shared, "first", first)

    assert of_stageproxy(shown(shared, "second", second)) == of_stageproxy(found)
    assert found["stageproxy_requests_total"] == 7
    assert found["stageproxy_request_seconds_count"] == 7
    assert found["stageproxy_request_seconds_bucket0.02"] == 3
    assert found["stageproxy_request_seconds_bucket+Inf"] == 7
    assert found["stageproxy_request_seconds_sum"] == pytest.approx(4.03)
    assert found["stageproxy_inspections_waiting"] == 3


def test_what_is_shared(shared: SharedMetrics) -> None:
    """Of what the workers share, the state of the worker that is asked is shown, once."""
    shared.save("second", doubting(5.0).registry)
    found = shown(shared, "first", doubting(0.0))

    assert found["stageproxy_used_bytes"] == 10
    assert found["stageproxy_disk_free_bytes"] == 7
    assert found["stageproxy_build_info"] == 1
    assert found["stageproxy_clock_doubt_seconds"] == 5
    assert found["stageproxy_upstream_up"] == 0


def test_ended_workers(shared: SharedMetrics) -> None:
    """What a worker has counted still counts after its end; what it had does not."""
    for number in (1, 2):
        shared.save(f"ended {number}", busy(5, waiting=9).registry)
        shared.end(f"ended {number}")
    shared.end("never written")
    found = shown(shared, "living", busy(1))

    assert found["stageproxy_requests_total"] == 11
    assert found["stageproxy_request_seconds_count"] == 11
    assert found["stageproxy_inspections_waiting"] == 0


def test_no_total_decreases(shared: SharedMetrics) -> None:
    """What one worker has shown of itself, the next one that is asked shows as well."""
    first, second = busy(1), busy(1)
    shared.save("second", second.registry)
    totals = []
    for _ in range(3):
        first.count_answer("upload", "POST", 200, 0.01)
        totals.append(shown(shared, "first", first)["stageproxy_requests_total"])
        first.count_answer("upload", "POST", 200, 0.01)
        totals.append(shown(shared, "second", second)["stageproxy_requests_total"])

    assert totals == [3, 3, 5, 5, 7, 7]


def test_new_server(shared: SharedMetrics, tmp_path: Path) -> None:
    """A new server begins at nothing, as one with a single worker does."""
    shared.save("former", busy(5).registry)
    SharedMetrics(tmp_path / "metrics").begin()

    assert shown(shared, "new", busy(1))["stageproxy_requests_total"] == 1
