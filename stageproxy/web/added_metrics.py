"""Metrics of several workers, added up to those of one server.

Counters and histograms are summed, those of workers that have ended, too. A gauge of what each
worker has is summed over those that run; one of what they share is that of the worker asked.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

Families = Sequence[Metric]

_LASTING = frozenset({"counter", "histogram"})
_CREATED = "_created"


def _own(values: Sequence[float]) -> float:
    """Return the value of the worker that is asked, which comes first."""
    return values[0]


_RULES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "process_max_fds": min,
    "process_start_time_seconds": min,
    "stageproxy_build": _own,
    "stageproxy_bytes": _own,
    "stageproxy_clock_doubt_seconds": max,
    "stageproxy_database_up": _own,
    "stageproxy_database_wal_bytes": _own,
    "stageproxy_disk_free_bytes": _own,
    "stageproxy_files": _own,
    "stageproxy_limit": _own,
    "stageproxy_stages": _own,
    "stageproxy_upstream_circuits_open": max,
    "stageproxy_upstream_up": min,
    "stageproxy_used_bytes": _own,
}
"""How metrics are put together that are not summed."""


class AddedMetrics:
    """Metrics as the encoders of prometheus_client want them."""

    def __init__(self, families: Families) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from self._families


def added(own: Iterable[Metric], *others: Iterable[Metric]) -> Families:
    """Return the metrics of a server: the *own* ones of the worker that is asked, and all others.

    What only others have is taken from them only if it is summed: of what the workers share, the
    one that is asked has the present state.
    """
    gathered: dict[str, tuple[Metric, dict[_Key, list[float]]]] = {}
    own = list(own)
    for is_own, families in ((True, own), *((False, one) for one in others)):
        for family in families:
            known = gathered.setdefault(family.name, (family, {}))[1]
            for sample in family.samples:
                if is_own or _RULES.get(family.name) is not _own:
                    known.setdefault(_key_of(sample), []).append(sample.value)
    return [_put_together(family, values) for family, values in gathered.values()]


def lasting(families: Iterable[Metric]) -> Families:
    """Return the metrics that count after their worker has ended."""
    return [one for one in families if one.type in _LASTING]


def to_json(families: Iterable[Metric]) -> bytes:
    """Return metrics as a worker writes them for the others."""
    documents = [
        [
            one.name,
            one.documentation,
            one.type,
            [[sample.name, sample.labels, sample.value] for sample in one.samples],
        ]
        for one in families
    ]
    return json.dumps(documents).encode()


def from_json(data: bytes) -> Families:
    """Return the metrics that a worker has written."""
    families = []
    for name, documentation, kind, samples in json.loads(data):
        family = Metric(name, documentation, kind)
        family.samples = [Sample(*sample) for sample in samples]
        families.append(family)
    return families


_Key = tuple[str, tuple[tuple[str, str], ...]]


def _key_of(sample: Sample) -> _Key:
    return sample.name, tuple(sample.labels.items())


def _put_together(family: Metric, values: Mapping[_Key, Sequence[float]]) -> Metric:
    together = Metric(family.name, family.documentation, family.type)
    rule = _RULES.get(family.name, sum)
    together.samples = [
        Sample(name, dict(labels), (min if name.endswith(_CREATED) else rule)(found))
        for (name, labels), found in values.items()
    ]
    return together
