"""The sample project that the demo and the tutorial stage.

It is built without a build tool. `python -m stageproxy.cli.demo.sample` writes it anywhere.
"""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import click

NAME = "stageproxy-demo"
VERSION = "1.0"
REQUIRES = ("packaging", "idna")

_MODULE = "stageproxy_demo"
_ROOT = f"{_MODULE}-{VERSION}"
_DIST_INFO = f"{_ROOT}.dist-info"
_METADATA = "\n".join(
    [
        "Metadata-Version: 2.4",
        f"Name: {NAME}",
        f"Version: {VERSION}",
        "Summary: A sample project that is not on any index",
        "License-Expression: MIT",
        "Classifier: Programming Language :: Python :: 3",
        "Project-URL: Source, https://example.org/stageproxy-demo",
        "Requires-Python: >=3.8",
        *(f"Requires-Dist: {one}" for one in REQUIRES),
        "Description-Content-Type: text/plain",
        "",
        "A sample project that is not on any index.",
        "",
    ]
)


def build_sample(folder: Path, says: str = "works") -> list[Path]:
    """Write a wheel and an sdist of the sample project, and return their paths.

    *says*: what the project prints when it runs. It distinguishes two builds of
    the same version.
    """
    wheel = folder / f"{_ROOT}-py3-none-any.whl"
    sdist = folder / f"{_ROOT}.tar.gz"
    wheel.write_bytes(_wheel(_code(says)))
    sdist.write_bytes(_sdist(_code(says)))
    return [wheel, sdist]


def _code(says: str) -> str:
    return f'''"""A sample project that is not on any index."""

import idna
import packaging

VERSION = "{VERSION}"
SAYS = {says!r}


def main():
    host = idna.encode("b\\u00fccher.example").decode()
    print(f"{NAME} {{VERSION}} {{SAYS}}, with packaging {{packaging.__version__}}: {{host}}")
'''


def _wheel(code: str) -> bytes:
    members = {
        f"{_MODULE}/__init__.py": code,
        f"{_DIST_INFO}/METADATA": _METADATA,
        f"{_DIST_INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: stageproxy demo\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},{_record_hash(text)},{len(text.encode())}\n" for path, text in members.items()
    )
    members[f"{_DIST_INFO}/RECORD"] = f"{record}{_DIST_INFO}/RECORD,,\n"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return content.getvalue()


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _sdist(code: str) -> bytes:
    members = {
        f"{_ROOT}/PKG-INFO": _METADATA,
        f"{_ROOT}/pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n'
        'build-backend = "setuptools.build_meta"\n\n'
        f'[project]\nname = "{NAME}"\nversion = "{VERSION}"\n'
        f"dependencies = {list(REQUIRES)}\n",
        f"{_ROOT}/{_MODULE}/__init__.py": code,
    }
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path, text in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(content.getvalue(), mtime=0)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--says", default="works", help="What the sample prints when it runs.")
def main(folder: Path, says: str) -> None:
    """Build a wheel and an sdist of a sample project into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in build_sample(folder, says):
        click.echo(path)


if __name__ == "__main__":
    main(prog_name="python -m stageproxy.cli.demo.sample")
