"""What the server asks the processes that read hostile bytes, and what they answer: lines of JSON.

Both sides validate what they receive. An answer comes from a process that may have
been taken over by what it has read.
"""

import base64
import json
from contextlib import suppress
from dataclasses import asdict, fields, replace
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from stageproxy.core.archives.contents import Contents
from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.rules.archive import members_that_count
from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.dependencies import Wanted, Wishes
from stageproxy.core.values import FormFields
from stageproxy.store.description import LONGEST_HTML, MOST_RENDERED

LONGEST_ANSWER = 16 * 2**20
"""The longest line of an answer, in bytes."""

_KIND_OF = {
    "contents": "archive",
    "findings": "upload",
    "form": "metadata",
    "attestations": "attestations",
    "wanted": "dependencies",
    "review": "review",
    "parity": "parity",
    "html": "description",
}
MOST_FINDINGS = 1000
"""How many findings the rules of one step may have."""
_NOT_SENT = frozenset({"name", "index_state"})
"""The name is parsed from the filename again; rules on the index are not for these processes."""
_SENT = frozenset(one.name for one in fields(Upload)) - _NOT_SENT


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", val_json_bytes="base64")


class ArchiveQuestion(_Message):
    """Asks what is in an archive."""

    kind: Literal["archive"] = "archive"
    path: str
    filename: str


class UploadQuestion(_Message):
    """Asks what the rules find in an upload. `only_form`: there is no file yet."""

    kind: Literal["upload"] = "upload"
    only_form: bool
    form: FormFields
    filename: str
    content_type: str | None
    sha256: str
    blake2b_256: str
    md5: str | None
    size: int
    contents: Contents

    def upload(self) -> Upload:
        """Return the upload, with the name that its filename is parsed to."""
        sent = {name: getattr(self, name) for name in _SENT}
        return Upload(**sent, name=_find_name(self.filename))


class MetadataQuestion(_Message):
    """Asks which form twine would send with a file that has this metadata."""

    kind: Literal["metadata"] = "metadata"
    core_metadata: bytes
    filename: str


class AttestationsQuestion(_Message):
    """Asks how many attestations are in a field of a form."""

    kind: Literal["attestations"] = "attestations"
    text: str


class DependenciesQuestion(_Message):
    """Asks which requirements an installer may have to satisfy."""

    kind: Literal["dependencies"] = "dependencies"
    wishes: Wishes


class File(_Message):
    """An archive on the disk."""

    path: str
    filename: str


class ReviewQuestion(_Message):
    """Asks what an artifact changes beside its counterpart."""

    kind: Literal["review"] = "review"
    after: File
    before: File | None


class ParityQuestion(_Message):
    """Asks how the files of a wheel differ from those of an sdist."""

    kind: Literal["parity"] = "parity"
    wheel: File
    sdist: File


class DescriptionQuestion(_Message):
    """Asks for the description of a release as HTML that can do nothing."""

    kind: Literal["description"] = "description"
    text: str = Field(max_length=MOST_RENDERED)
    content_type: str


Question = (
    ArchiveQuestion
    | UploadQuestion
    | MetadataQuestion
    | AttestationsQuestion
    | DependenciesQuestion
    | ReviewQuestion
    | ParityQuestion
    | DescriptionQuestion
)

QUESTION: TypeAdapter[Question] = TypeAdapter(Annotated[Question, Field(discriminator="kind")])


class Answer(_Message):
    """One line of an answer: what was found so far, that this is all, or a failure."""

    contents: Contents | None = None
    findings: Annotated[tuple[tuple[int, Finding], ...], Field(max_length=MOST_FINDINGS)] = ()
    form: FormFields | None = None
    attestations: int = 0
    wanted: Wanted | None = None
    review: ArtifactReview | None = None
    parity: Annotated[tuple[ReviewFinding, ...], Field(max_length=MOST_FINDINGS)] = ()
    html: str | None = Field(None, max_length=LONGEST_HTML)
    is_all: Literal[True] | None = None
    fault: str = Field("", max_length=200)

    @property
    def kind(self) -> str:
        """The kind of the question that it answers."""
        [field] = self.model_fields_set
        return _KIND_OF.get(field, "")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("an answer says one thing")
        return self


def upload_question(upload: Upload, *, only_form: bool) -> dict[str, object]:
    """Return the question about an upload as JSON."""
    document: dict[str, object] = {name: getattr(upload, name) for name in _SENT}
    contents = asdict(replace(upload.contents, members=members_that_count(upload)))
    return {"kind": "upload", "only_form": only_form, **document, "contents": contents}


def encoded(document: object) -> bytes:
    """Return a line of JSON."""
    text = json.dumps(document, default=_json_value, ensure_ascii=False)
    # Names in a tar may not be text.
    return text.encode(errors="replace") + b"\n"


def _find_name(filename: str) -> DistributionName | None:
    with suppress(ValueError):
        return parse_distribution_name(filename)
    return None


def _json_value(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(type(value).__name__)
