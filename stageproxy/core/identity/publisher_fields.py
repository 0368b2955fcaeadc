"""What is wrong with the fields of a trusted publisher that somebody wants to add."""

import re
from collections.abc import Collection, Iterator, Mapping

from stageproxy.core.errors import Problem
from stageproxy.core.identity.providers import FIELDS, Provider

_LONGEST = 256
_MOST = 16
_NUMBER = re.compile(r"[0-9]{1,20}")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_WORKFLOW = re.compile(r"[^/@]+\.ya?ml")
_REUSABLE = re.compile(r"[^/@]+/[^/@]+/\.github/workflows/[^/@]+\.ya?ml@.+")
_PATTERNS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "repository": (_REPOSITORY, "write it as OWNER/NAME."),
    "repository_id": (_NUMBER, "it is a number: `gh api repos/OWNER/NAME --jq .id` prints it."),
    "repository_owner_id": (
        _NUMBER,
        "it is a number: `gh api repos/OWNER/NAME --jq .owner.id` prints it.",
    ),
    "workflow": (_WORKFLOW, "name the file in .github/workflows, such as release.yml."),
    "reusable_workflow": (
        _REUSABLE,
        "write it as OWNER/NAME/.github/workflows/FILE.yml@REF, as the identities name it.",
    ),
    "project_id": (_NUMBER, "it is a number, which the page of the project shows."),
}
"""What fields look like, and what to write."""


def find_problems(
    provider: Provider, issuer: str, fields: Mapping[str, str], issuers: Collection[str]
) -> Iterator[Problem]:
    """Yield what is wrong with a publisher. *issuers*: those of this server's settings."""
    wanted = FIELDS[provider]
    if issuer not in {"", wanted.issuer, *(() if wanted.is_fixed else issuers)}:
        yield Problem(
            "issuer",
            f"{issuer} is no issuer that this server trusts. Its operator can add it to "
            "oidc.issuers.",
        )
    if not (issuer or wanted.issuer):
        yield Problem("issuer", f"A publisher of the provider {provider} needs an issuer.")
    for name in wanted.required:
        if name not in fields:
            yield Problem(name, f"{name} is missing.")
    known = {*wanted.required, *wanted.optional}
    for name, value in fields.items():
        if name not in known and provider is not Provider.OTHER:
            yield Problem(name, f"{name} is no field of {provider}.")
        else:
            yield from _find_problem(name, value)
    if len(fields) > _MOST:
        yield Problem("fields", f"There are more than {_MOST} fields.")


def _find_problem(name: str, value: str) -> Iterator[Problem]:
    if not value or len(value) > _LONGEST or not value.isprintable():
        yield Problem(name, f"{name} is not 1 to {_LONGEST} printable characters.")
        return
    pattern = _PATTERNS.get(name)
    if pattern is not None and not pattern[0].fullmatch(value):
        yield Problem(name, f"{name} is {value!r}: {pattern[1]}")
