"""Core metadata in files and upload forms."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email

from stageproxy.core.archives.encodings import as_utf_8
from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.values import ABSENT, FormFields

_FORM_NAME_OF: Mapping[str, str] = {
    "platforms": "platform",
    "supported_platforms": "supported_platform",
    "license_files": "license_file",
    "import_names": "import_name",
    "import_namespaces": "import_namespace",
}
"""The fields whose names in the upload form, in the singular, differ from those in `packaging`."""

_RAW_NAME_OF: Mapping[str, str] = {form: raw for raw, form in _FORM_NAME_OF.items()}

_LISTS = frozenset(
    {
        "classifiers", "dynamic", "import_names", "import_namespaces", "license_files",
        "obsoletes", "obsoletes_dist", "platforms", "provides", "provides_dist",
        "provides_extra", "requires", "requires_dist", "requires_external",
        "supported_platforms",
    }
)  # fmt: skip

_HEADER = re.compile(rb"From |[!-9;-~]*:")
"""The start of a header as Python's email parser recognizes it."""

_HEADER_OF = {**_FORM_NAME_OF, "classifiers": "classifier", "project_urls": "project_url"}
_HEADERS = frozenset(
    f"{_HEADER_OF.get(key, key).replace('_', '-')}:".encode() for key in RawMetadata.__annotations__
)

_MULTIPLE_IN_ONE = frozenset({"keywords", "project_urls"})
_KNOWN = frozenset(RawMetadata.__annotations__)
_SINCE_2_4 = frozenset({"license_files"})
_BEFORE_2_4 = frozenset({"1.0", "1.1", "1.2", "2.1", "2.2", "2.3"})
_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")


@dataclass(frozen=True, slots=True)
class MetadataProblem:
    """A field that `packaging` does not accept, and its message."""

    field: str
    message: str


def read_core_metadata(text: bytes) -> RawMetadata:
    """Return the fields of a METADATA or PKG-INFO file without those that cannot be parsed.

    A file that is not UTF-8 is read all the same, so that there is something to show.
    """
    return parse_email(_known_headers(as_utf_8(text)))[0]


def _known_headers(text: bytes) -> bytes:
    """Return a METADATA file with only the headers of core metadata, in lower case.

    Other headers can nest email messages without a limit, and many different
    headers take the parser minutes.
    """
    lines = text.splitlines(keepends=True)
    known: list[bytes] = []
    is_known = False
    for number, line in enumerate(lines):
        if found := _HEADER.match(line):
            name = found[0].lower()
            is_known = name in _HEADERS
            known += [name + line[len(name) :]] if is_known else []
        elif not line.startswith((b" ", b"\t")):
            return b"".join([*known, *lines[number:]])
        elif is_known:
            known.append(line)
    return b"".join(known)


def form_of(core_metadata: bytes, name: DistributionName, **digests: str) -> FormFields:
    """Return the form that twine would send with a file.

    setuptools writes License-File into metadata of versions that do not have it.
    twine leaves it out there, as PyPI would refuse it.
    """
    return (
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("filetype", "bdist_wheel" if name.is_wheel else "sdist"),
        ("pyversion", name.python_tag),
        *_form_fields(_as_sent_by_twine(read_core_metadata(core_metadata))),
        *digests.items(),
    )


def metadata_in(form: FormFields) -> RawMetadata:
    """Return the core metadata in a form, as `packaging` represents it."""
    raw: dict[str, Any] = {}
    for name, value in form:
        key = _RAW_NAME_OF.get(name, name)
        if key not in _KNOWN or value in ABSENT:
            continue
        if key in _LISTS:
            raw.setdefault(key, []).append(value)
        elif key == "keywords":
            raw[key] = [word.strip() for word in value.split(",")]
        elif key == "project_urls":
            label, _, url = value.partition(",")
            raw.setdefault(key, {})[label.strip()] = url.strip()
        else:
            raw.setdefault(key, value)
    return cast("RawMetadata", raw)


def problems_in(raw: RawMetadata) -> Sequence[MetadataProblem]:
    """Return what `packaging` finds wrong with core metadata, field by field."""
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        return [_problem(error) for error in group.exceptions]
    except ValueError as error:  # Python refuses numbers of thousands of digits
        return [MetadataProblem("", str(error))]
    except RecursionError:
        return [MetadataProblem("metadata", "The metadata is nested too deeply to be read")]
    return []


def _problem(error: Exception) -> MetadataProblem:
    field = error.field if isinstance(error, InvalidMetadata) else ""
    return MetadataProblem(field, str(error))


def takes_one_value(form_name: str) -> bool:
    """Return whether a form may have a metadata field only once."""
    key = _RAW_NAME_OF.get(form_name, form_name)
    return key in _KNOWN and key not in _LISTS | _MULTIPLE_IN_ONE


def _as_sent_by_twine(raw: RawMetadata) -> Mapping[str, object]:
    is_old = raw.get("metadata_version") in _BEFORE_2_4
    sent = {key: value for key, value in raw.items() if not (is_old and key in _SINCE_2_4)}
    return sent | {"name": _UNSAFE.sub("-", raw["name"])} if "name" in raw else sent


def _form_fields(raw: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in raw.items():
        name = _FORM_NAME_OF.get(key, key)
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, dict):
            yield from ((name, f"{label}, {url}") for label, url in value.items())
        elif isinstance(value, list):
            values = [", ".join(value)] if key == "keywords" else value
            yield from ((name, each) for each in values)
