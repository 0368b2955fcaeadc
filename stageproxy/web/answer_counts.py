"""The counts of answers: plain numbers, from which metrics are made when they are read."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)
"""The upper bounds of the buckets of histograms of seconds."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_BOUNDS = [*map(str, SECONDS), "+Inf"]


class AnswerCounts(Collector):
    """Answers by handler, method and status, and their seconds by handler.

    Each has a list: the number of answers in each bucket, and the sum of their seconds. To add
    to it takes a small part of the time that the counters of prometheus_client do, which lock.
    """

    def __init__(self) -> None:
        self._counted: defaultdict[tuple[str, str, int], list[float]] = defaultdict(
            lambda: [0] * (len(_BOUNDS) + 1)
        )

    def add(self, handler: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        # Clients can send any method; the number of labels must stay small.
        counted = self._counted[handler, method if method in _METHODS else "other", status]
        counted[bisect_left(SECONDS, seconds)] += 1
        counted[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, in any thread."""
        counted = {labels: [*numbers] for labels, numbers in self._counted.copy().items()}
        requests = CounterMetricFamily(
            "stageproxy_requests",
            "Requests by handler, method and status.",
            labels=["handler", "method", "status"],
        )
        for (handler, method, status), (*buckets, _) in counted.items():
            requests.add_metric([handler, method, str(status)], sum(buckets))
        yield requests
        seconds = HistogramMetricFamily(
            "stageproxy_request_seconds",
            "Seconds until the response was ready, by handler.",
            labels=["handler"],
        )
        for handler, (*buckets, total) in _by_handler(counted).items():
            numbers = zip(_BOUNDS, accumulate(buckets), strict=True)
            seconds.add_metric([handler], list(numbers), total)
        yield seconds


def _by_handler(
    counted: Mapping[tuple[str, str, int], Sequence[float]],
) -> Mapping[str, Sequence[float]]:
    sums: dict[str, Sequence[float]] = {}
    for (handler, _, _), numbers in counted.items():
        so_far = sums.get(handler, [0] * len(numbers))
        sums[handler] = [one + other for one, other in zip(so_far, numbers, strict=True)]
    return sums
