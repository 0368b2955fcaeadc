"""Here is what PyPI never compares, but every installer does: the form and the file's metadata."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from packaging.metadata import RawMetadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from stageproxy.core.archives.contents import some
from stageproxy.core.archives.metadata import metadata_in, read_core_metadata
from stageproxy.core.rules.fields import find_version
from stageproxy.core.rules.findings import Finding, Level, suspicious
from stageproxy.core.rules.upload import Rule, Upload

_NO_MATCH = "which does not match the filename. Installers refuse the file."


def _read(upload: Upload) -> tuple[RawMetadata, str] | None:
    if upload.name is None or upload.contents.core_metadata is None:
        return None
    return read_core_metadata(upload.contents.core_metadata), upload.name.metadata_path


def _name_and_version(upload: Upload) -> Iterator[Finding]:
    read = _read(upload)
    if read is None or upload.name is None:
        return
    raw, where = read
    named, version = raw.get("name", ""), raw.get("version", "")
    if canonicalize_name(named) != upload.name.project:
        yield suspicious(f"{where} has Name: {named!r}, {_NO_MATCH}")
    if find_version(version) != upload.name.version:
        yield suspicious(f"{where} has Version: {version!r}, {_NO_MATCH}")


def _requires_python(upload: Upload) -> Iterator[Finding]:
    read = _read(upload)
    if read is None:
        return
    raw, where = read
    required, said = raw.get("requires_python", ""), upload.get("requires_python") or ""
    if _normal(SpecifierSet, required) != _normal(SpecifierSet, said):
        yield suspicious(f"{where} has Requires-Python: {required!r}, but the form has {said!r}.")


def _dependencies(upload: Upload) -> Iterator[Finding]:
    read = _read(upload)
    if read is None:
        return
    raw, where = read
    form = metadata_in(upload.form)
    for key, (label, normalize) in _LISTS.items():
        inside = {_normal(normalize, one) for one in _strings(raw.get(key))}
        outside = {_normal(normalize, one) for one in _strings(form.get(key))}
        if different := inside ^ outside:
            yield suspicious(f"{label} differs between {where} and the form: {some(different)}.")


def _strings(value: object) -> Sequence[str]:
    return value if isinstance(value, list) else []


def _normal(normalize: Callable[[str], object], text: str) -> str:
    """Return a text as all have it that mean the same; one that nobody can read stays."""
    try:
        return str(normalize(text))
    except (ValueError, RecursionError):
        return text


_LISTS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "requires_dist": ("Requires-Dist", Requirement),
    "provides_extra": ("Provides-Extra", canonicalize_name),
}

AGREEMENT_RULES: Sequence[Rule] = (
    Rule(
        "metadata-of-other-release",
        "the name and the version in the file's metadata match its filename",
        _name_and_version,
        level=Level.WARN,
    ),
    Rule(
        "requires-python-differs",
        "the form and the file's metadata have the same Requires-Python",
        _requires_python,
        level=Level.WARN,
    ),
    Rule(
        "dependencies-differ",
        "the form and the file's metadata have the same Requires-Dist and Provides-Extra",
        _dependencies,
        level=Level.WARN,
    ),
)
"""What is suspicious about a file that says something else than its form."""
