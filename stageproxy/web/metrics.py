"""The metrics of the server. No label contains a token, a path or a project."""

import asyncio
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

from stageproxy import __version__
from stageproxy.catalogue import Catalogue, Totals
from stageproxy.core.errors import StorageError
from stageproxy.core.limits import Amounts, Quota, Scope
from stageproxy.web.added_metrics import AddedMetrics
from stageproxy.web.answer_counts import SECONDS, AnswerCounts

_UNMATCHED = "unmatched"
_DATABASE_SECONDS = 5
_REVIEW_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class LimitMetrics:
    """The limits in the settings, how much is used in all, and how often one was reached."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._used = Gauge(
            "stageproxy_used_bytes",
            "Bytes that count against limits.total_bytes.",
            registry=registry,
        )
        self._limit = Gauge(
            "stageproxy_limit", "Limits by setting; 0 is no limit.", ["setting"], registry=registry
        )
        self._refusals = Counter(
            "stageproxy_limit_refusals",
            "Requests refused because a limit was reached, by its setting.",
            ["setting"],
            registry=registry,
        )

    def show(self, limits: Mapping[str, int]) -> None:
        """Show from now on these limits, by setting."""
        for setting, limit in limits.items():
            self._limit.labels(setting).set(limit)

    def use(self, size: int) -> None:
        """Show how many bytes are used in all."""
        self._used.set(size)

    def count_refusal(self, setting: str) -> None:
        """Count a request that was refused because the limit of a setting was reached."""
        self._refusals.labels(setting).inc()


class ReviewMetrics:
    """The background work on reviews: how it ended, how long it took, and how much is running."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reviews = Counter(
            "stageproxy_reviews",
            "Reviews by how their background work ended: done, failed, canceled or elsewhere.",
            ["outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "stageproxy_review_seconds",
            "Seconds that the background work on a review took, with its wait.",
            buckets=_REVIEW_SECONDS,
            registry=registry,
        )
        self._running = Gauge(
            "stageproxy_reviews_running",
            "Reviews whose background work is running or waits.",
            registry=registry,
        )

    def count(self, outcome: str, seconds: float) -> None:
        """Count a review whose background work has ended."""
        self._reviews.labels(outcome).inc()
        self._seconds.observe(seconds)

    def watch(self, running: Callable[[], int]) -> None:
        """Show from now on how many reviews are being made."""
        self._running.set_function(running)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._add_up: Callable[[], AddedMetrics] | None = None
        self.limits, self.reviews = LimitMetrics(self.registry), ReviewMetrics(self.registry)
        # Memory, processor time and open files of this process.
        ProcessCollector(registry=self.registry)
        Info("stageproxy_build", "The version of the server.", registry=self.registry).info(
            {"version": __version__}
        )
        self._answers = AnswerCounts()
        self.registry.register(self._answers)
        self._upstream = Counter(
            "stageproxy_upstream_documents",
            "Upstream documents: kept, not-modified, fetched, missing, stale or a kind of failure.",
            ["outcome"],
            registry=self.registry,
        )
        self._upstream_seconds = Histogram(
            "stageproxy_upstream_seconds",
            "Seconds until upstream returned a requested document.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._attempts = Counter(
            "stageproxy_promotion_attempts",
            "Attempts to publish a file by reply: accepted, refused or unanswered.",
            ["reply"],
            registry=self.registry,
        )
        self._excess = Counter(
            "stageproxy_refused_connections",
            "Connections and requests refused because a limit was reached: in-all or of-address.",
            ["limit"],
            registry=self.registry,
        )
        self._guesses = Counter(
            "stageproxy_refused_guesses",
            "Requests refused after too many unknown tokens: api-token or stage-url.",
            ["guessed"],
            registry=self.registry,
        )
        self._connections = self._gauge("connections", "Open connections of clients.")
        self._inspections = Counter(
            "stageproxy_inspections",
            "Questions about what was uploaded, by kind and outcome: answered, over-limit, failed.",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self._inspection_wait = Histogram(
            "stageproxy_inspection_wait_seconds",
            "Seconds that a question about what was uploaded waited for its turn.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._waiting = self._gauge("inspections_waiting", "Questions that wait for their turn.")
        self._stages = self._gauge("stages", "Stages by status.", ["status"])
        self._files, self._bytes = (
            self._gauge("files", "Staged files that are stored."),
            self._gauge("bytes", "Bytes of staged files that are stored."),
        )
        self._disk_free = self._gauge("disk_free_bytes", "Free bytes on the disk of the data.")
        self._database_up = self._gauge("database_up", "Whether the database answers: 1 or 0.")
        self._wal_bytes = self._gauge(
            "database_wal_bytes", "Bytes of the database's write-ahead log."
        )
        self._clock_doubt = self._gauge(
            "clock_doubt_seconds", "By how much the time is in doubt, after the clock jumped."
        )
        self._upstream_up = self._gauge(
            "upstream_up", "Whether upstream answered its last request: 1 or 0."
        )
        self._circuits = self._gauge(
            "upstream_circuits_open", "Hosts of upstream that are not asked now."
        )
        self._cache = self._gauge("cache_bytes", "Bytes of upstream documents in memory.")

    def add_up_by(self, add_up: Callable[[], AddedMetrics]) -> None:
        """Show the metrics of all workers from now on, as *add_up* returns them on a thread."""
        self._add_up = add_up

    def watch(
        self,
        *,
        disk_free: Callable[[], float],
        wal_bytes: Callable[[], float],
        clock_doubt: Callable[[], float],
    ) -> None:
        """Read these numbers whenever the metrics are rendered."""
        self._disk_free.set_function(disk_free)
        self._wal_bytes.set_function(wal_bytes)
        self._clock_doubt.set_function(clock_doubt)

    def watch_upstream(self, answers: Callable[[], bool], circuits: Callable[[], int]) -> None:
        """Show whether upstream *answers*, and how many *circuits* to its hosts are open."""
        self._upstream_up.set_function(answers)
        self._circuits.set_function(circuits)

    def count_request(self, request: web.Request, status: int, seconds: float) -> None:
        """Count a request."""
        handler = getattr(request.match_info.handler, "__name__", _UNMATCHED)
        handler = handler if request.match_info.http_exception is None else _UNMATCHED
        self.count_answer(handler, request.method, status, seconds)

    def count_answer(self, handler: str, method: str, status: int, seconds: float) -> None:
        """Count an answer of the function *handler* after these *seconds*."""
        self._answers.add(handler, method, status, seconds)

    def count_upstream_document(self, outcome: str, seconds: float) -> None:
        """Count an upstream document; *seconds* is 0 if it came from the cache."""
        self._upstream.labels(outcome).inc()
        if seconds:
            self._upstream_seconds.observe(seconds)

    def count_attempt(self, reply: str) -> None:
        """Count an attempt to publish a file."""
        self._attempts.labels(reply).inc()

    def count_excess(self, limit: str) -> None:
        """Count a connection or a request that was refused because a limit was reached."""
        self._excess.labels(limit).inc()

    def count_guess(self, guessed: str) -> None:
        """Count a request that was refused because its client has sent too many unknown tokens."""
        self._guesses.labels(guessed).inc()

    def watch_connections(self, connections: Sized) -> None:
        """Show from now on how many *connections* there are."""
        self._connections.set_function(lambda: len(connections))

    def count_inspection(self, kind: str, outcome: str, waited: float) -> None:
        """Count a question about what was uploaded, after the seconds that it *waited*."""
        self._inspections.labels(kind, outcome).inc()
        self._inspection_wait.observe(waited)

    def count_review(self, kind: str, outcome: str, _waited: float) -> None:
        """Count a question of a review. How long it waited is not counted: nobody waits for it."""
        self._inspections.labels(kind, outcome).inc()

    def show_waiting(self, waiting: int) -> None:
        """Show how many questions about what was uploaded wait for their turn."""
        self._waiting.set(waiting)

    async def render(
        self, catalogue: Catalogue, cache_size: int, accept: str = ""
    ) -> tuple[bytes, str]:
        """Return all metrics, and their content type: OpenMetrics, or Prometheus' text format.

        *accept*: the Accept header of the request. While the database does not answer, what it
        has is shown as it was.
        """
        found = await _totals_of(catalogue)
        self._database_up.set(found is not None)
        if found is not None:
            self._show_totals(*found)
        self._cache.set(cache_size)
        encode, content_type = choose_encoder(accept)
        collected = await asyncio.to_thread(self._add_up) if self._add_up else self.registry
        return encode(collected), content_type

    def _show_totals(self, totals: Totals, used: Amounts) -> None:
        self.limits.use(used[Quota.TOTAL_BYTES])
        self._stages.clear()
        for status, number in totals.stages.items():
            self._stages.labels(status).set(number)
        self._files.set(totals.files)
        self._bytes.set(totals.size)

    def _gauge(self, name: str, help_text: str, labels: tuple[str, ...] | list[str] = ()) -> Gauge:
        return Gauge(f"stageproxy_{name}", help_text, labels, registry=self.registry)


@dataclass(frozen=True, slots=True)
class MetricsSources:
    """The sources of /metrics: the counters, the catalogue and the size of the cache."""

    metrics: Metrics
    catalogue: Catalogue
    cache_size: Callable[[], int]


async def _totals_of(catalogue: Catalogue) -> tuple[Totals, Amounts] | None:
    """Return how much is stored and used, `None` if the database does not answer in time."""
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            return await catalogue.read(lambda rows: (rows.totals(), rows.usage(Scope())))
    except (StorageError, TimeoutError):
        return None
