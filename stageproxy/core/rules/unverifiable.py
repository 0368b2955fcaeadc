"""Rules that only PyPI can check."""

from collections.abc import Iterator, Sequence

from stageproxy.core.rules.attestations import FIELD, UNREADABLE, attestations_in
from stageproxy.core.rules.findings import Finding, Level, not_known
from stageproxy.core.rules.upload import Check, Rule, Upload


def _always(about: str) -> Check:
    def check(_upload: Upload) -> Iterator[Finding]:
        yield not_known(f"PyPI may still refuse the file: {about}.", "PyPI")

    return check


def _rule(name: str, about: str, sentence: str) -> Rule:
    return Rule(name, about, _always(about), sentence, Level.UNKNOWN)


def _attestations(upload: Upload) -> Iterator[Finding]:
    attestations = attestations_in(upload.form)
    if attestations is None:
        yield not_known(UNREADABLE, FIELD)
    elif attestations:
        yield not_known(
            "PyPI accepts attestations from Trusted Publishers only; "
            "a promotion with an API token leaves them out.",
            FIELD,
        )


ATTESTATIONS = Rule(
    "attestations",
    "attestations come from a Trusted Publisher and match the file",
    _attestations,
    "Invalid attestations supplied during upload: …",
    Level.UNKNOWN,
)

ONLY_PYPI = not_known(
    "PyPI may still refuse the files for reasons that only PyPI can check. List them with: "
    "stageproxy check --rules",
    "PyPI",
)
"""What stands for `UNKNOWN_RULES` in the list of a release: they are the same for every one."""

UNKNOWN_RULES: Sequence[Rule] = (
    _rule(
        "token",
        "the token may be invalid or not cover this project",
        "Invalid API Token: …",
    ),
    _rule(
        "permission",
        "the token's user may not be allowed to upload to the project",
        "The user '…' isn't allowed to upload to project '…'.",
    ),
    _rule(
        "account",
        "the user may lack a verified email address or a second factor",
        "User '…', associated with the API token used, does not have …",
    ),
    _rule(
        "organization",
        "the organization that owns the project may be inactive",
        "Organization account owning this project is inactive. …",
    ),
    _rule(
        "prohibited-name",
        "the name of a new project may be prohibited",
        "The name '…' isn't allowed.",
    ),
    _rule(
        "deleted-filename",
        "the filename may belong to a file that was deleted",
        "This filename was previously used by a file that has since been deleted. …",
    ),
    _rule(
        "same-bytes-elsewhere",
        "another project may have a file with the same bytes",
        "File already exists ('…', with blake2_256 hash '…').",
    ),
    _rule(
        "uploads-closed",
        "uploads or new projects may be temporarily disabled",
        "New uploads are temporarily disabled. …",
    ),
    _rule(
        "too-many-projects",
        "too many projects may have been created within the last hour",
        "Too many new projects created",
    ),
    _rule(
        "newer-rules",
        "PyPI may have newer rules than these",
        "",
    ),
)
"""Rules that apply to every upload and cannot be checked from outside PyPI."""
