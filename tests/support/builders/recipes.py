"""Distributions built from recipes: the files of PyPI's recorded answers."""

import base64
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.support.builders.archives import (
    TAR_DATE,
    ZipStyle,
    bzip2_of,
    gzip_of,
    tar_file,
    tar_of,
    zip_of,
)
from tests.support.builders.distributions import Distribution, record_of, wheel_file

METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
TAR_FORMATS = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}
COMPRESSIONS: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": gzip_of,
    "bz2": bzip2_of,
    "": bytes,
}
SDIST_SUFFIXES = (".tar.gz", ".tar.bz2", ".tgz", ".tar", ".zip")
MODULE = ("conf_pkg/__init__.py", b"x = 1\n")
CENTRAL_DIRECTORY = b"PK\x01\x02"
FILE_SIZE = slice(24, 28)
HOLE = 1024

Recipe = Mapping[str, Any]


def build_recipe(recipe: Recipe) -> Distribution:
    """Return the distribution of a *recipe*, with its name."""
    content = KINDS[recipe["kind"]](recipe)
    for step in recipe.get("post", ()):
        for action, argument in step.items():
            content = AFTERWARDS[action](content, argument)
    return Distribution(recipe.get("upload_name", recipe["filename"]), content)


def _wheel(recipe: Recipe) -> bytes:
    name, version, *_, python, abi, platform = recipe["filename"].removesuffix(".whl").split("-")
    dist_info = recipe.get("dist_info", f"{name}-{version}.dist-info")

    def placed(path: str) -> str:
        return path.replace("{di}", dist_info)

    members = [
        MODULE,
        (f"{dist_info}/METADATA", _metadata(name, version)),
        (f"{dist_info}/WHEEL", wheel_file(f"{python}-{abi}-{platform}")),
        *((placed(path), _content(value)) for path, value in recipe.get("add", ())),
    ]
    members.append(record_of(members, f"{dist_info}/RECORD"))
    members += [
        (placed(path), _content(value)) for path, value in recipe.get("add_after_record", ())
    ]
    replaced = {placed(path): _content(value) for path, value in recipe.get("replace", {}).items()}
    omitted = {placed(path) for path in recipe.get("omit", ())}
    remaining = [(path, replaced.get(path, old)) for path, old in members if path not in omitted]
    return zip_of(remaining, _zip_style(recipe))


def _zip(recipe: Recipe) -> bytes:
    members = [(path, _content(value)) for path, value in recipe["members"]]
    return zip_of(members, _zip_style(recipe))


def _zip_style(recipe: Recipe) -> ZipStyle:
    return ZipStyle(
        method=METHODS[recipe.get("method", "deflated")],
        streamed=recipe.get("stream", False),
        member_comment=recipe.get("member_comment", ""),
        archive_comment=recipe.get("archive_comment", ""),
    )


def _sdist(recipe: Recipe) -> bytes:
    tar = tar_of(_sdist_members(recipe), TAR_FORMATS[recipe.get("format", "pax")])
    return COMPRESSIONS[recipe.get("compression", "gz")](tar)


def _sdist_members(recipe: Recipe) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    stem = _without_suffix(recipe["filename"])
    root = recipe.get("root", stem)
    omitted = {f"{root}/{path}" for path in recipe.get("omit", ())}
    pkg_info = recipe.get("pkg_info", _metadata(*stem.rpartition("-")[::2]))
    wanted: list[tuple[str, Any]] = [
        (f"{root}/PKG-INFO", pkg_info),
        (f"{root}/setup.py", "from setuptools import setup\n\nsetup()\n"),
        *((path.replace("{root}", root), value) for path, value in recipe.get("add", ())),
    ]
    return (_tar_member(path, value) for path, value in wanted if path not in omitted)


def _without_suffix(filename: str) -> str:
    suffix = next(suffix for suffix in SDIST_SUFFIXES if filename.endswith(suffix))
    return filename.removesuffix(suffix)


def _metadata(name: str, version: str) -> bytes:
    dashed = name.replace("_", "-")
    return f"Metadata-Version: 2.1\nName: {dashed}\nVersion: {version}\n".encode()


def _tar_member(path: str, value: str | bytes | Mapping[str, Any]) -> tuple[tarfile.TarInfo, bytes]:
    match value:
        case {"symlink": str(target)}:
            return _symlink(path, target)
        case {"sparse": "pax"}:
            return _pax_sparse(path)
        case {"sparse": "gnu"}:
            return _gnu_sparse(path)
        case _:
            return tar_file(path, _content(value))


def _symlink(path: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    entry, content = tar_file(path, b"")
    entry.type = tarfile.SYMTYPE
    entry.linkname = target
    return entry, content


def _pax_sparse(path: str) -> tuple[tarfile.TarInfo, bytes]:
    """Return a file that is one hole, in GNU's sparse format 1.0 for pax."""
    entry, content = tar_file(path, b"0\n".ljust(tarfile.BLOCKSIZE, b"\0"))
    entry.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": path,
        "GNU.sparse.realsize": str(HOLE),
    }
    return entry, content


def _gnu_sparse(path: str) -> tuple[tarfile.TarInfo, bytes]:
    """Return a sparse file in the old GNU format, with an empty map."""
    entry = tarfile.TarInfo(path)
    entry.mtime = TAR_DATE
    entry.type = tarfile.GNUTYPE_SPARSE
    return entry, b""


def _raw(recipe: Recipe) -> bytes:
    return _content(recipe["content"])


def _content(value: str | bytes | Mapping[str, Any]) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            return value.encode()
        case {"b64": text}:
            return base64.b64decode(text)
        case {"zeros": count}:
            return bytes(count)
        case _:
            message = f"A recipe has no content like {value!r}."
            raise ValueError(message)


def _append_zip(content: bytes, members: Sequence[tuple[str, Any]]) -> bytes:
    return content + zip_of((path, _content(value)) for path, value in members)


def _patch_file_size(content: bytes, size: int) -> bytes:
    """Set the *size* in the first entry of the central directory."""
    patched = bytearray(content)
    start = content.index(CENTRAL_DIRECTORY)
    patched[start + FILE_SIZE.start : start + FILE_SIZE.stop] = size.to_bytes(4, "little")
    return bytes(patched)


KINDS: Mapping[str, Callable[[Recipe], bytes]] = {
    "wheel": _wheel,
    "sdist": _sdist,
    "zip": _zip,
    "raw": _raw,
}
AFTERWARDS: Mapping[str, Callable[[bytes, Any], bytes]] = {
    "append": lambda content, text: content + _content(text),
    "prepend": lambda content, text: _content(text) + content,
    "truncate": lambda content, size: content[:size],
    "append_zip_of": _append_zip,
    "patch_cd_file_size": _patch_file_size,
}
