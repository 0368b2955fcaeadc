"""Pasted hashes beside the files of a stage, for browsers without scripts."""

from urllib.parse import urlencode

from tests.support.builders.distributions import Distribution
from tests.support.servers.service import RunningService

FORM = "application/x-www-form-urlencoded"


async def pasted(service: RunningService, prefix: str, text: str) -> str:
    """Return the page for pasted lines."""
    data = urlencode({"pasted": text}).encode()
    answer = await service.send("POST", f"{prefix}+hashes", {"Content-Type": FORM}, data=data)
    assert answer.status == 200
    return answer.text


async def test_lines_are_marked(
    service: RunningService, prefix: str, wheel: Distribution, sdist: Distribution
) -> None:
    """Each line with a hash says whether it is that of the staged file."""
    lines = f"10:00:01 {wheel.sha256}  dist/{wheel.filename}\n{'0' * 64}  {sdist.filename}\n"

    page = await pasted(service, prefix, lines)

    assert "These lines are not the files of the stage." in page
    assert f"<strong>The same</strong> <code>10:00:01 {wheel.sha256}" in page
    assert f"<strong>Another hash</strong> <code>{'0' * 64}" in page


async def test_all_files_are_confirmed(
    service: RunningService, prefix: str, wheel: Distribution, sdist: Distribution
) -> None:
    """The output of the build that was uploaded confirms every file."""
    lines = "".join(f"{one.sha256}  {one.filename}\n" for one in (wheel, sdist))

    page = await pasted(service, prefix, lines)

    assert "Every file of the stage is in these lines, with its hash." in page


async def test_what_is_pasted_is_a_text(service: RunningService, prefix: str) -> None:
    """Pasted markup is shown, not used."""
    page = await pasted(service, prefix, "</textarea><script>alert(1)</script>")

    assert "&lt;/textarea&gt;&lt;script&gt;" in page
    assert "<script>" not in page


async def test_nothing_changes(service: RunningService, prefix: str) -> None:
    """Comparing changes nothing: the stage as JSON is the same afterwards."""
    before = (await service.get(prefix, "application/json")).body

    await pasted(service, prefix, "0" * 64 + "  demo-2.0.tar.gz")

    assert (await service.get(prefix, "application/json")).body == before


async def test_too_much(service: RunningService, prefix: str) -> None:
    """More than the form takes is refused."""
    answer = await service.send(
        "POST", f"{prefix}+hashes", {"Content-Type": FORM}, data=b"a" * 3 * 2**20
    )

    assert answer.status == 413


async def test_unknown_stage(service: RunningService) -> None:
    """An unknown stage URL has no page for it."""
    answer = await service.send("POST", "/tmp/demo/stgv_x/+hashes", {"Content-Type": FORM})

    assert answer.status == 404
