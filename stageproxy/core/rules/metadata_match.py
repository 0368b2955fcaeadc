"""Comparison of the form with the file's metadata, which installers use and PyPI does not check."""

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


def _find_metadata(upload: Upload) -> tuple[RawMetadata, str] | None:
    """Return the metadata in the file and its path, `None` if it was not read."""
    if upload.name is None or upload.contents.core_metadata is None:
        return None
    return read_core_metadata(upload.contents.core_metadata), upload.name.metadata_path


def _name_and_version(upload: Upload) -> Iterator[Finding]:
    found = _find_metadata(upload)
    if found is None or upload.name is None:
        return
    raw, path = found
    name, version = raw.get("name", ""), raw.get("version", "")
    if canonicalize_name(name) != upload.name.project:
        yield suspicious(f"{path} has Name: {name!r}, {_NO_MATCH}")
    if find_version(version) != upload.name.version:
        yield suspicious(f"{path} has Version: {version!r}, {_NO_MATCH}")


def _requires_python(upload: Upload) -> Iterator[Finding]:
    found = _find_metadata(upload)
    if found is None:
        return
    raw, path = found
    in_file, in_form = raw.get("requires_python", ""), upload.get("requires_python") or ""
    if _normalized(SpecifierSet, in_file) != _normalized(SpecifierSet, in_form):
        yield suspicious(f"{path} has Requires-Python: {in_file!r}, but the form has {in_form!r}.")


def _dependencies(upload: Upload) -> Iterator[Finding]:
    found = _find_metadata(upload)
    if found is None:
        return
    raw, path = found
    form = metadata_in(upload.form)
    for key, (label, normalize) in _LISTS.items():
        in_file = {_normalized(normalize, one) for one in _strings(raw.get(key))}
        in_form = {_normalized(normalize, one) for one in _strings(form.get(key))}
        if different := in_file ^ in_form:
            yield suspicious(f"{label} differs between {path} and the form: {some(different)}.")


def _shown(upload: Upload) -> Iterator[Finding]:
    """Yield what the form would have PyPI show that is not in the file."""
    found = _find_metadata(upload)
    if found is None:
        return
    raw, path = found
    form = metadata_in(upload.form)
    for key, label in _SHOWN.items():
        if _texts(form.get(key)) - _texts(raw.get(key)):
            yield suspicious(
                f"The form has another {label} than {path}. PyPI shows what the form has."
            )


def _texts(value: object) -> frozenset[str]:
    """Return the texts of a field, without differences in white space, which uploaders make."""
    if isinstance(value, dict):
        texts = [f"{label}, {url}" for label, url in value.items()]
    else:
        texts = [value] if isinstance(value, str) else [*_strings(value)]
    return frozenset(filter(None, (" ".join(one.split()) for one in texts)))


def _strings(value: object) -> Sequence[str]:
    return value if isinstance(value, list) else []


def _normalized(normalize: Callable[[str], object], text: str) -> str:
    """Return the normalized text, or the text itself if it is invalid."""
    try:
        return str(normalize(text))
    except (ValueError, RecursionError):
        return text


_LISTS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "requires_dist": ("Requires-Dist", Requirement),
    "provides_extra": ("Provides-Extra", canonicalize_name),
}

_SHOWN: Mapping[str, str] = {
    "summary": "Summary",
    "description": "description",
    "home_page": "Home-page",
    "download_url": "Download-URL",
    "project_urls": "Project-URL",
    "author": "Author",
    "author_email": "Author-email",
    "maintainer": "Maintainer",
    "maintainer_email": "Maintainer-email",
    "license": "License",
    "license_expression": "License-Expression",
    "classifiers": "Classifier",
}
"""What PyPI shows of a release, from the form alone."""

METADATA_MATCH_RULES: Sequence[Rule] = (
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
    Rule(
        "shown-metadata-differs",
        "what PyPI shows of a release from the form (summary, description, links, people, license, "
        "classifiers) is in the file's metadata, too",
        _shown,
        level=Level.WARN,
    ),
)
"""Differences between a file and its form that installers or readers of PyPI notice."""
