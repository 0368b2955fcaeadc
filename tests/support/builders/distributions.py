"""Builders of distributions: real wheels and sdists, with the same bytes in every run."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

from tests.support.builders.archives import gzip_of, tar_file, tar_of, zip_of

UNREADABLE = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, NotImplementedError)
FORM_NAMES = {
    "platforms": "platform",
    "supported_platforms": "supported_platform",
    "license_files": "license_file",
    "import_names": "import_name",
    "import_namespaces": "import_namespace",
}

USUAL = (
    "License-Expression: MIT",
    "Classifier: Programming Language :: Python :: 3",
    "Project-URL: Source, https://example.org/demo",
    "Description-Content-Type: text/plain",
)
"""What the metadata of a release usually has; without it, there are notes on what is missing."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A wheel or an sdist: a filename and its bytes."""

    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Return the SHA-256 that installers check."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def blake2b_256(self) -> str:
        """Return the digest in the file's path on the index."""
        return hashlib.blake2b(self.content, digest_size=32).hexdigest()

    @property
    def md5(self) -> str:
        """Return the digest that only old clients send."""
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest()

    @property
    def is_wheel(self) -> bool:
        """Return whether it is a wheel, by its filename."""
        return self.filename.lower().endswith(".whl")

    @property
    def python_tag(self) -> str:
        """Return the Python version of the upload API and the JSON API."""
        return self.filename.split("-")[-3] if self.is_wheel else "source"

    @property
    def metadata(self) -> bytes | None:
        """Return METADATA or PKG-INFO, or `None` if it cannot be read."""
        try:
            return _wheel_metadata(self.content) if self.is_wheel else _pkg_info(self.content)
        except UNREADABLE:
            return None

    @property
    def fields(self) -> RawMetadata:
        """Return the parsed metadata, empty if it cannot be read."""
        return parse_email(self.metadata or b"")[0]


def a_wheel(
    name: str = "demo",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    requires_python: str | None = None,
    requires_dist: Sequence[str] = (),
    summary: str = "A demo",
    metadata: str | None = None,
    modules: Mapping[str, str] | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Distribution:
    """Return a wheel that pip can install."""
    dist_info = f"{_escaped(name)}-{version}.dist-info"
    if metadata is None:
        metadata = metadata_of(name, version, requires_python, requires_dist, summary)
    members = [
        *_sources(name, version, modules),
        (f"{dist_info}/METADATA", metadata.encode()),
        (f"{dist_info}/WHEEL", wheel_file(tag)),
        *(extra or {}).items(),
    ]
    members.append(record_of(members, f"{dist_info}/RECORD"))
    return Distribution(f"{_escaped(name)}-{version}-{tag}.whl", zip_of(members))


def an_sdist(
    name: str = "demo",
    version: str = "1.0",
    *,
    requires_python: str | None = None,
    requires_dist: Sequence[str] = (),
    summary: str = "A demo",
    metadata: str | None = None,
    modules: Mapping[str, str] | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Distribution:
    """Return an sdist that setuptools can build."""
    root = f"{_escaped(name)}-{version}"
    if metadata is None:
        metadata = metadata_of(name, version, requires_python, requires_dist, summary)
    members = [
        ("PKG-INFO", metadata.encode()),
        ("setup.py", _setup(name, version, requires_python, requires_dist, summary)),
        *_sources(name, version, modules),
        *(extra or {}).items(),
    ]
    tar = tar_of(tar_file(f"{root}/{path}", content) for path, content in members)
    return Distribution(f"{root}.tar.gz", gzip_of(tar))


def upload_form(
    distribution: Distribution,
    *,
    name: str | None = None,
    version: str | None = None,
    without: Collection[str] = (),
    **changes: str,
) -> list[tuple[str, str]]:
    """Return the form fields that twine sends with *distribution*.

    A change replaces every value of its field, or is added at the end.
    """
    changes |= {key: text for key, text in (("name", name), ("version", version)) if text}
    fields = [(key, text) for key, text in _form_fields(distribution) if key not in changes]
    return [pair for pair in [*fields, *changes.items()] if pair[0] not in without]


def metadata_of(
    name: str,
    version: str,
    requires_python: str | None = None,
    requires_dist: Sequence[str] = (),
    summary: str = "A demo",
) -> str:
    """Return the text of METADATA or PKG-INFO."""
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", f"Summary: {summary}"]
    lines += [*USUAL, f"Requires-Python: {requires_python or '>=3.8'}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires_dist]
    return "\n".join(lines) + "\n\nA demo.\n"


def wheel_file(tag: str) -> bytes:
    """Return the content of WHEEL for a compressed *tag*."""
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    tags = [f"{python}-{abi}-{plat}" for python in pythons for abi in abis for plat in platforms]
    head = "Wheel-Version: 1.0\nGenerator: stageproxy-tests\nRoot-Is-Purelib: true\n"
    return (head + "".join(f"Tag: {one}\n" for one in tags)).encode()


def record_of(members: Iterable[tuple[str, bytes]], path: str) -> tuple[str, bytes]:
    """Return the RECORD of *members*; *path* is its own."""
    rows = [
        f"{member},sha256={_record_digest(content)},{len(content)}\n"
        for member, content in members
        if not member.endswith("/")
    ]
    return path, ("".join(rows) + f"{path},,\n").encode()


def _record_digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _escaped(name: str) -> str:
    return canonicalize_name(name).replace("-", "_")


def _sources(
    name: str, version: str, modules: Mapping[str, str] | None
) -> Iterator[tuple[str, bytes]]:
    default = {f"{_escaped(name)}/__init__.py": f'VERSION = "{version}"\n'}
    for path, source in (default if modules is None else modules).items():
        yield path, source.encode()


def _setup(
    name: str,
    version: str,
    requires_python: str | None,
    requires_dist: Sequence[str],
    summary: str,
) -> bytes:
    arguments = {
        "name": name,
        "version": version,
        "description": summary,
        "python_requires": requires_python,
        "install_requires": list(requires_dist),
    }
    given = "".join(f"    {key}={value!r},\n" for key, value in arguments.items() if value)
    call = f"setup(\n{given}    packages=find_packages(),\n)\n"
    return f"from setuptools import find_packages, setup\n\n{call}".encode()


def _wheel_metadata(content: bytes) -> bytes | None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for path in archive.namelist():
            if path.count("/") == 1 and path.endswith(".dist-info/METADATA"):
                return archive.read(path)
    return None


def _pkg_info(content: bytes) -> bytes | None:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for entry in archive:
            if entry.name.count("/") == 1 and entry.name.endswith("/PKG-INFO"):
                stream = archive.extractfile(entry)
                return stream.read() if stream else None
    return None


def _form_fields(distribution: Distribution) -> Iterator[tuple[str, str]]:
    # Sorted, because packaging returns the fields in another order in every process.
    for key, value in sorted(distribution.fields.items()):
        for text in _form_values(key, value):
            yield FORM_NAMES.get(key, key), text
    yield "pyversion", distribution.python_tag
    yield "filetype", "bdist_wheel" if distribution.is_wheel else "sdist"
    yield "sha256_digest", distribution.sha256
    yield "blake2_256_digest", distribution.blake2b_256
    yield ":action", "file_upload"
    yield "protocol_version", "1"


def _form_values(key: str, value: object) -> list[str]:
    match value:
        case list() if key == "keywords":
            return [", ".join(value)]
        case list():
            return value
        case dict():
            return [f"{label}, {url}" for label, url in value.items()]
        case _:
            return [str(value)]
