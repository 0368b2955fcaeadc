"""Staged files: whole, in parts, and their core metadata."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from stageproxy.core.errors import GoneError
from stageproxy.core.index.targets import FileTarget
from stageproxy.web.keys import PREVIEWS
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.clients.wire import a_request, body_in, exchange, status_of
from tests.support.servers.service import RunningService, prefix_of

# Every form of a Range header for one part, and that part of the file.
RANGES = {
    "the first bytes": ("bytes=0-9", slice(0, 10)),
    "one byte": ("bytes=5-5", slice(5, 6)),
    "the last bytes": ("bytes=-7", slice(-7, None)),
    "from here on": ("bytes=100-", slice(100, None)),
    "beyond the end": ("bytes=100-999999", slice(100, None)),
    "more than there is": ("bytes=-999999", slice(0, None)),
    "capitals": ("Bytes=0-9", slice(0, 10)),
    "spaces and an empty range": ("bytes= 0-9 , ", slice(0, 10)),
    "leading zeros": ("bytes=0000-0009", slice(0, 10)),
    "a huge end": (f"bytes=5-{'9' * 5000}", slice(5, None)),
}
NOT_SATISFIABLE = ["bytes=999999-", "bytes=999999-9999999", "bytes=-0", f"bytes={'9' * 5000}-"]
IGNORED = [
    "lines=1-2",
    "lines",
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=,",
    "bytes=9-5",
    "bytes=a-b",
    "bytes=0x1-2",
    "bytes=-5-9",
    "bytes=+1-2",
    "bytes=1-2;3-4",
    "bytes=\u0661-\u0662",
    "bytes=0-1,3-4",
    "bytes=0-1, -1",
    "bytes=0-0,0-0,0-0",
    "octets=0-1",
]


@pytest.fixture
def link(stage: Any, wheel: Distribution) -> str:
    """Return the URL of the staged wheel."""
    return str(stage["files"][wheel.filename]["link"])


async def test_bytes(service: RunningService, link: str, wheel: Distribution) -> None:
    """A staged file is served byte for byte, as a download."""
    answer = await service.get(link)

    assert answer.body == wheel.content
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(len(wheel.content))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{wheel.filename}"'
    assert answer.headers["ETag"] == f'"{wheel.sha256}"'
    assert service.index.requests == []


async def test_path_is_that_of_the_file_host(stage: Any, wheel: Distribution, prefix: str) -> None:
    """The path below the stage is the one on PyPI's file host, without a query."""
    digest = wheel.blake2b_256

    path = f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{wheel.filename}"

    assert stage["files"][wheel.filename]["link"] == prefix + path


@pytest.mark.parametrize(("header", "part"), RANGES.values(), ids=RANGES)
async def test_part(
    service: RunningService, link: str, wheel: Distribution, header: str, part: slice
) -> None:
    """A part of a wheel can be requested."""
    answer = await service.get(link, Range=header)

    start, stop, _ = part.indices(len(wheel.content))
    expected = f"bytes {start}-{stop - 1}/{len(wheel.content)}"
    assert (answer.status, answer.body) == (206, wheel.content[part])
    assert answer.headers["Content-Range"] == expected


@pytest.mark.parametrize("header", ["bytes=0-9", "bytes=999999-"])
async def test_head_has_no_parts(
    service: RunningService, link: str, wheel: Distribution, header: str
) -> None:
    """Ranges are defined for GET: HEAD describes the whole file (RFC 9110, section 14.2)."""
    head = await service.get(link, Range=header, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(wheel.content))


@pytest.mark.parametrize("header", IGNORED)
async def test_ignored_range(
    service: RunningService, link: str, wheel: Distribution, header: str
) -> None:
    """Other units, several ranges and invalid ones are ignored: the whole file is sent."""
    answer = await service.get(link, Range=header)

    assert (answer.status, answer.body) == (200, wheel.content)
    assert "Content-Range" not in answer.headers


async def test_several_range_headers(
    service: RunningService, link: str, wheel: Distribution
) -> None:
    """Two Range headers are several ranges."""
    path = urlsplit(link).path
    lines = ("Range: bytes=0-1", "Range: bytes=3-4")

    answer = await exchange(service.url, a_request(path, "GET", "1.1", *lines))

    assert (status_of(answer), body_in(answer)) == (200, wheel.content)


OTHER_FILES = [
    '"other"',
    'W/"{}"',
    "{}",
    '"{}", "other"',
    "*",
    "Sun, 22 Nov 2026 12:00:00 GMT",
    "Fri, 01 Jan 2100 00:00:00 GMT",
    "nonsense",
    "",
]


@pytest.mark.parametrize("validator", OTHER_FILES)
@pytest.mark.parametrize("header", ["bytes=0-9", "bytes=999999-"])
async def test_part_of_another_file(
    service: RunningService, link: str, wheel: Distribution, validator: str, header: str
) -> None:
    """Unless If-Range is the ETag of the file, a part is not of use: the whole file is sent."""
    answer = await service.get(link, Range=header, If_Range=validator.format(wheel.sha256))

    assert (answer.status, answer.body) == (200, wheel.content)


async def test_part_of_the_same_file(
    service: RunningService, link: str, wheel: Distribution
) -> None:
    """With the ETag of the file as If-Range, a part is sent."""
    answer = await service.get(link, Range="bytes=0-9", If_Range=f'"{wheel.sha256}"')

    assert (answer.status, answer.body) == (206, wheel.content[:10])


CONDITIONS = {
    "its ETag": ({"If_Match": '"{}"'}, 200),
    "one of several ETags": ({"If_Match": '"other", "{}"'}, 200),
    "any ETag": ({"If_Match": "*"}, 200),
    "another ETag": ({"If_Match": '"other"'}, 412),
    "a weak ETag": ({"If_Match": 'W/"{}"'}, 412),
    "a date before": ({"If_Unmodified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200),
    "a date after": ({"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200),
    "known": ({"If_None_Match": '"{}"', "Range": "bytes=0-9"}, 304),
    "not known": ({"If_None_Match": '"other"', "Range": "bytes=0-9"}, 206),
}


@pytest.mark.parametrize(("headers", "status"), CONDITIONS.values(), ids=CONDITIONS)
async def test_conditions(
    service: RunningService, link: str, wheel: Distribution, headers: dict[str, str], status: int
) -> None:
    """Conditions are about the digest of the file: it has no date (RFC 9110, section 13)."""
    given = {name: value.format(wheel.sha256) for name, value in headers.items()}

    answer = await service.get(link, **given)

    assert answer.status == status
    assert "Last-Modified" not in answer.headers


@pytest.mark.parametrize("header", NOT_SATISFIABLE)
async def test_part_that_is_not_there(
    service: RunningService, link: str, wheel: Distribution, header: str
) -> None:
    """A part beyond the file is refused, and the answer is not stored by caches."""
    answer = await service.get(link, Range=header)

    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(wheel.content)}"
    assert "immutable" not in answer.headers.get("Cache-Control", "")


async def test_ranges_are_announced(service: RunningService, link: str) -> None:
    """The answer announces that parts can be requested."""
    answer = await service.get(link, method="HEAD")

    assert answer.headers["Accept-Ranges"] == "bytes"


async def test_is_never_packed(service: RunningService, link: str, wheel: Distribution) -> None:
    """A wheel is not compressed: its digest is of the bytes that are sent."""
    answer = await service.get(link, Accept_Encoding="gzip, br")

    assert (answer.body, "Content-Encoding" in answer.headers) == (wheel.content, False)


async def test_core_metadata(service: RunningService, link: str, wheel: Distribution) -> None:
    """The core metadata is METADATA, byte for byte."""
    answer = await service.get(f"{link}.metadata")

    assert answer.body == wheel.metadata
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_no_core_metadata_of_an_sdist(
    service: RunningService, stage: Any, sdist: Distribution
) -> None:
    """An sdist has no core metadata, and upstream is not asked."""
    answer = await service.get(f"{stage['files'][sdist.filename]['link']}.metadata")

    assert answer.status == 404
    assert service.index.requests == []


@pytest.mark.parametrize("change", ["other-name", "other-digest", "capitals"])
async def test_name_and_digest_belong_together(
    service: RunningService, link: str, change: str
) -> None:
    """A path with another name or digest is passed to upstream."""
    digest = link.split("/")[-2]
    changed = {
        "other-name": link.replace("demo-2.0", "demo-2.1"),
        "other-digest": link.replace(digest, "0" * len(digest)),
        "capitals": link.replace(digest, digest.upper()),
    }[change]

    answer = await service.get(changed)

    assert answer.status == 404
    assert len(service.index.requests) == 1


async def test_files_of_other_stages(service: RunningService, link: str, prefix: str) -> None:
    """A stage serves its own files only."""
    other = prefix_of(await service.staged(a_wheel(version="3.0")))

    answer = await service.get(link.replace(prefix, other))

    assert answer.status == 404


async def test_escaped_name(service: RunningService, link: str, wheel: Distribution) -> None:
    """An escaped filename is the filename."""
    answer = await service.get(link.replace("demo-2.0", "d%65mo%2D2.0"))

    assert answer.body == wheel.content


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
async def test_cannot_be_written(service: RunningService, link: str, method: str) -> None:
    """A stage URL is read-only with every credential."""
    answer = await service.send(method, link, {"Authorization": f"Bearer {service.admin}"})

    assert answer.status == 405


async def test_reading_changes_nothing(service: RunningService, prefix: str, link: str) -> None:
    """GET and HEAD change nothing in the data directory."""
    before = await service.parts.database.read(lambda rows: rows.stages.list())

    for path in (link, f"{link}.metadata", f"{prefix}simple/demo/", prefix):
        for method in ("GET", "HEAD"):
            await service.get(path, method=method)

    assert await service.parts.database.read(lambda rows: rows.stages.list()) == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [("replaced", "replaced by a later upload"), ("withdrawn", "withdrawn from the stage")],
)
async def test_core_metadata_of_a_file_that_changes_meanwhile(
    service: RunningService, stage: Any, wheel: Distribution, change: str, reason: str
) -> None:
    """The METADATA of a wheel is never that of its successor, nor upstream's 404.

    It could be if the wheel was replaced or withdrawn after its stage had been read.
    """
    previews, token = service.parts.app[PREVIEWS], prefix_of(stage).split("/")[-2]
    before = await previews.open_stage("demo", token)
    target = FileTarget("", wheel.blake2b_256, wheel.filename, of_metadata=True)
    if change == "replaced":
        await service.upload(a_wheel(version="2.0", summary="Another"))
    else:
        await service.api("DELETE", f"stages/{stage['id']}/files/{wheel.filename}")

    with pytest.raises(GoneError, match=reason):
        await previews.find_core_metadata(before, target)
