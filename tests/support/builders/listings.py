"""Builders of listings: what a page of the index lists."""

from stageproxy.core.index.pages import ListedFile, Listing


def a_listing(
    *filenames: str,
    requires_python: str | None = None,
    yanked: tuple[str, ...] = (),
    upload_time: str | None = "2026-01-02T03:04:05.678901Z",
) -> Listing:
    """Return a listing of files. *yanked* are the filenames that are yanked."""
    return merged(
        *(
            ListedFile(one, "00", requires_python, "" if one in yanked else None, 1, upload_time)
            for one in filenames
        )
    )


def merged(*files: ListedFile) -> Listing:
    """Return a listing of *files*."""
    return Listing({one.filename: one for one in files})


def wheels_of(version: str, *tags: str) -> list[str]:
    """Return the filenames of wheels of `demo`: `cp313 win_amd64`, or three whole tags."""
    return [f"demo-{version}-{_whole(*one.split())}.whl" for one in tags]


def _whole(python: str, *more: str) -> str:
    return "-".join([python.rstrip("t"), python, *more] if len(more) == 1 else [python, *more])


def sdist_of(version: str) -> str:
    """Return the filename of the sdist of `demo`."""
    return f"demo-{version}.tar.gz"
