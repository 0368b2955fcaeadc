"""Files that others have published, as they lie in indexes on this machine's own disk."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name
from pip._internal.index.collector import IndexContent, parse_links
from pip._internal.models.link import Link
from yarl import URL

from .distributions import Distribution

_ASK_PIP = """
from pip._internal.commands import create_command
options = create_command("install").parser.get_default_values()
print(*[options.index_url, *options.extra_index_urls], sep="\\n")
"""


def local_indexes() -> Sequence[URL]:
    """Return those of the indexes that pip is configured to use which are folders here.

    Two hundred projects are no burden for a disk, as they would be for an index of others.
    """
    command = [sys.executable, "-c", _ASK_PIP]
    asked = subprocess.run(command, check=True, capture_output=True, text=True)
    urls = (URL(line) for line in asked.stdout.split())
    return [url for url in urls if url.scheme == "file"]


def find_distribution(indexes: Sequence[URL], project: str, filename: str) -> Distribution | None:
    """Return a file as the first of the indexes has it that lists it, its digest checked."""
    links = (link for index in indexes for link in _links(index, project))
    link = next((one for one in links if one.filename == filename), None)
    return None if link is None else _read(link)


def _links(index: URL, project: str) -> Iterator[Link]:
    page = index / canonicalize_name(project) / "index.html"
    path = Path(page.path)
    if path.exists():
        content = IndexContent(path.read_bytes(), "text/html", "utf-8", str(page))
        yield from parse_links(content)


def _read(link: Link) -> Distribution:
    found = Distribution(link.filename, Path(link.file_path).read_bytes())
    assert link.as_hashes().is_hash_allowed("sha256", found.sha256), found.filename
    return found


def distribution_at(path: Path) -> Distribution:
    """Return the file at a path."""
    return Distribution(path.name, path.read_bytes())
