"""A server that answers with reviews, one after another."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stageproxy.core.review.document import as_document
from stageproxy.core.review.review import Review
from tests.support.servers.stub_server import StubServer, running_stub_server

STAGE_ID = "0123456789abcdef"


@dataclass(slots=True)
class ReviewServer:
    """A server with a stage whose review can be read by its URL and by its id."""

    stub: StubServer = field(repr=False)

    @property
    def stage_url(self) -> str:
        """The stage URL."""
        return f"{self.stub.url}/tmp/demo/token/"

    def answer_with(self, *reviews: Review) -> None:
        """Answer with reviews in turn; the last one stays."""
        documents = [as_document(one) for one in reviews]
        for path in ("/tmp/demo/token/+review", f"/api/stages/{STAGE_ID}/review"):
            self.stub.sequences[path] = [*documents]


@contextmanager
def running_review_server() -> Iterator[ReviewServer]:
    """Run such a server on a local port."""
    with running_stub_server() as stub:
        yield ReviewServer(stub)
