"""Rules on an upload's form, which PyPI checks before metadata and files."""

import re
from collections.abc import Iterator, Sequence

from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.upload import Rule, Upload

FILETYPES = {"bdist_wheel": (".whl",), "sdist": (".tar.gz", ".zip")}

_PROJECT_NAME = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE | re.ASCII)
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
_LONGEST_QUOTED = 60


def _protocol_version(upload: Upload) -> Iterator[Finding]:
    if upload.get("protocol_version") not in {None, "1"}:
        yield Finding("protocol_version", "Unknown protocol version.")


def _name(upload: Upload) -> Iterator[Finding]:
    name = upload.get("name")
    if name is None:
        error = "This field is required."
    elif not _PROJECT_NAME.fullmatch(name):
        error = (
            "Start and end with a letter or numeral containing only ASCII numeric "
            "and '.', '_' and '-'."
        )
    else:
        return
    yield Finding("name", f"{_quoted(name or '')!r} is an invalid value for Name. Error: {error}")


def _quoted(value: str) -> str:
    return value if len(value) <= _LONGEST_QUOTED else f"{value[:30]}...{value[-30:]}"


def _digest_spelling(upload: Upload) -> Iterator[Finding]:
    for name, algorithm in (("blake2_256_digest", "BLAKE2"), ("sha256_digest", "SHA256")):
        value = upload.get(name)
        if value is not None and not _HEX_DIGEST.fullmatch(value):
            yield _invalid_value(name, f"Use a valid, hex-encoded, {algorithm} message digest.")


def _filetype(upload: Upload) -> Iterator[Finding]:
    filetype = upload.get("filetype")
    if filetype is None:
        yield _invalid_value("filetype", "This field is required.")
    elif filetype not in FILETYPES:
        yield _invalid_value("filetype", "Use a known file type.")


def _python_version(upload: Upload) -> Iterator[Finding]:
    filetype, version = upload.get("filetype"), upload.get("pyversion")
    if filetype == "bdist_wheel" and version is None:
        yield _invalid_value(
            "pyversion", "Python version is required for binary distribution uploads."
        )
    if filetype == "sdist" and version not in {None, "source"}:
        yield _invalid_value("pyversion", "Use 'source' as Python version for an sdist.")


def _some_digest(upload: Upload) -> Iterator[Finding]:
    names = ("md5_digest", "sha256_digest", "blake2_256_digest")
    if not any(upload.get(name) for name in names):
        yield Finding("sha256_digest", "Error: Include at least one message digest.")


def _invalid_value(name: str, error: str) -> Finding:
    return Finding(name, f"Invalid value for {name}. Error: {error}")


NAME_RULE = Rule(
    "name",
    "the project name is valid",
    _name,
    "'…' is an invalid value for Name. Error: …",
)

FORM_RULES: Sequence[Rule] = (
    Rule(
        "protocol-version",
        "`protocol_version` is 1 or missing",
        _protocol_version,
        "Unknown protocol version.",
    ),
    NAME_RULE,
    Rule(
        "digest-spelling",
        "digests are hex-encoded",
        _digest_spelling,
        "Invalid value for …. Error: Use a valid, hex-encoded, … message digest.",
    ),
    Rule(
        "filetype",
        "`filetype` is `sdist` or `bdist_wheel`",
        _filetype,
        "Invalid value for filetype. Error: …",
    ),
    Rule(
        "pyversion",
        "`pyversion` is set for a wheel, and is `source` or missing for an sdist",
        _python_version,
        "Invalid value for pyversion. Error: …",
    ),
    Rule(
        "some-digest",
        "the form has at least one digest",
        _some_digest,
        "Error: Include at least one message digest.",
    ),
)
"""PyPI's first checks."""
