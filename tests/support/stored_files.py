"""The files that a server stores, on its disk."""

from pathlib import Path


def stored_file(data: Path, sha256: str) -> Path:
    """Return the path of a file in a data directory, whether or not it is stored."""
    return data / "files" / "kept" / sha256[:2] / sha256


def stored_files(data: Path) -> list[Path]:
    """Return the paths of all files that a data directory stores."""
    return sorted(path for path in (data / "files" / "kept").glob("*/*") if path.is_file())
