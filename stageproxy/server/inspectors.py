"""What reads hostile bytes for a server: for uploads, and for reviews."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from stageproxy.ports import Inspector, ReviewInspector
from stageproxy.store.inspection import Inspection
from stageproxy.store.review_inspection import ReviewInspection
from stageproxy.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Inspectors:
    """The inspectors of a server, each open while it runs."""

    uploads: AbstractContextManager[Inspector]
    reviews: AbstractContextManager[ReviewInspector]


def inspectors_of(metrics: Metrics) -> Inspectors:
    """Return inspectors that work in processes of their own."""
    uploads = Inspection(count=metrics.count_inspection, show_waiting=metrics.show_waiting)
    return Inspectors(uploads, ReviewInspection(count=metrics.count_review))
