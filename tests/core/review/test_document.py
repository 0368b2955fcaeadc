"""The review as a JSON document, and back."""

from datetime import UTC, datetime

from pydantic import TypeAdapter

from stageproxy.core.review.delta.delta import Against, Delta, FieldDelta
from stageproxy.core.review.delta.delta import ChangeKind as Kind
from stageproxy.core.review.document import as_document, with_field_names
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.review import Review, ReviewProgress, ReviewState
from stageproxy.core.rules.findings import Level

REVIEW = Review(
    project="demo",
    version="1.0",
    manifest_digest="0" * 64,
    manifest=f"{'1' * 64}  demo-1.0-py3-none-any.whl\n",
    reviewed_at=datetime(2026, 11, 30, 12, tzinfo=UTC),
    progress=ReviewProgress(ReviewState.RUNNING, 1, 2, "Reading demo-1.0-py3-none-any.whl"),
    findings=(ReviewFinding(Section.SUPPLY_CHAIN, Level.WARN, "pth-file", "A file.", "Look."),),
    deltas=(
        Delta(
            Against.RELEASE,
            "0.9",
            "demo 0.9",
            fields=(FieldDelta("Summary", Kind.CHANGED, "a_b", "c"),),
        ),
    ),
)


def test_a_document_names_fields_with_hyphens() -> None:
    """Programs read `manifest-digest`, as in all documents of the API."""
    document = as_document(REVIEW)

    assert isinstance(document, dict)
    assert document["manifest-digest"] == "0" * 64
    assert document["findings"][0]["section"] == "supply-chain"


def test_the_review_of_a_document_equals_the_review() -> None:
    """The command prints what the server decided, from the document alone."""
    document = with_field_names(as_document(REVIEW))

    assert TypeAdapter(Review).validate_python(document) == REVIEW
