"""Deciding about a stage at the desk: each decision is asked for, carried out, and said."""

from typing import Any

import pytest

from tests.support.clients.desk_client import DeskClient, of, shown, signed_in
from tests.support.promotion.promotion_client import PromotionClient, an_entry
from tests.support.servers.service import RunningService, prefix_of
from tests.web.conftest import SDIST, WHEEL

WHOLE = ("publish", "stop", "give-up", "extend", "rotate", "cancel")


@pytest.fixture
async def browser(service: RunningService) -> DeskClient:
    """Return the browser of somebody with a manage token named `ada`."""
    return await signed_in(service, await service.token("manage", name="ada"))


async def stage_now(service: RunningService, stage: Any) -> Any:
    """Return a stage as it is now."""
    return (await service.api("GET", f"stages/{stage['id']}")).document


async def last_event(service: RunningService, stage: Any) -> tuple[str, str]:
    """Return the last event of a stage's audit trail: what was done, and by which token."""
    trail = (await service.api("GET", f"stages/{stage['id']}/audit")).document["events"]
    return trail[-1]["action"], trail[-1]["actor-name"]


async def decided(browser: DeskClient, stage: Any, decision: str, **fields: str) -> str:
    """Make a decision as its page asks for it, and return what the next page shows."""
    answer = await browser.submit(of(stage, f"/{decision}"), **fields)
    assert answer.status == 303, answer.text
    return shown(await browser.get(answer.headers["Location"]))


async def test_extended(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """A stage is extended by what was chosen; the trail names the token."""
    assert "expires on 2026-11-29 12:00 UTC" in shown(await browser.get(of(stage, "/extend")))

    page = await decided(browser, stage, "extend", **{"extend-for": "3d"})

    assert "The stage lives longer now." in page
    assert (await stage_now(service, stage))["expires-at"].startswith("2026-12-02T12:00:00")
    assert await last_event(service, stage) == ("extended", "ada")


@pytest.mark.parametrize("length", ["", "soon", "-1d", "0s", "9" * 400 + "w"])
async def test_extended_by_nonsense(browser: DeskClient, stage: Any, length: str) -> None:
    """A form that nobody filled in on our page extends nothing, and says what is wrong."""
    answer = await browser.submit(of(stage, "/extend"), **{"extend-for": length})

    assert answer.status == 400
    assert "The time to extend the stage by" in shown(answer)


async def test_rotated(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """The stage gets a new URL; the former one does not work any more."""
    page = await decided(browser, stage, "rotate")

    assert "The stage has a new URL." in page
    assert (await service.get(prefix_of(stage))).status == 410
    assert (await service.get(prefix_of(await stage_now(service, stage)))).status == 200
    assert await last_event(service, stage) == ("rotated", "ada")


async def test_canceled(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """A canceled stage ends; the page says how many files that concerns."""
    question = shown(await browser.get(of(stage, "/cancel")))
    assert "its 2 files are deleted here. Nothing of it was published." in question

    page = await decided(browser, stage, "cancel")

    assert "The stage was canceled." in page
    assert (await stage_now(service, stage))["status"] == "canceled"
    assert await last_event(service, stage) == ("canceled", "ada")


async def test_removed(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """A file is removed; the page that asks names it and its digest."""
    path = of(stage, f"/files/{WHEEL.filename}/remove")
    question = shown(await browser.get(path))
    assert WHEEL.filename in question
    assert WHEEL.sha256 in question

    answer = await browser.submit(path)

    assert "The file was removed" in shown(await browser.get(answer.headers["Location"]))
    assert [*(await stage_now(service, stage))["files"]] == [SDIST.filename]
    assert await last_event(service, stage) == ("withdrawn", "ada")


async def test_removed_after_it_was_replaced(
    service: RunningService, browser: DeskClient, stage: Any
) -> None:
    """A file that was replaced since the page was opened is not the one that was shown."""
    path = of(stage, f"/files/{WHEEL.filename}/remove")
    form = {"form-token": await browser.form_token(), "sha256": "0" * 64}

    answer = await browser.post(path, form)

    assert answer.status == 409
    assert f"was replaced since you opened the page: its sha256 is now {WHEEL.sha256}" in shown(
        answer
    )
    assert WHEEL.filename in (await stage_now(service, stage))["files"]


async def test_stopped(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """A promotion is stopped; the stage can be published again then."""
    await PromotionClient(service).start(stage, "client")
    assert "No other file is sent." in shown(await browser.get(of(stage, "/stop")))

    page = await decided(browser, stage, "stop")

    assert "Publishing stops as soon as no file is being sent." in page
    assert "Publish Extend" in page
    now = await stage_now(service, stage)
    assert (now["status"], "ada" in now["notices"][0]) == ("error", True)


async def test_given_up(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """What is not published of a release is given up, after the page said what stays public."""
    client = PromotionClient(service)
    promotion = (await client.start(stage, "client")).document
    service.index.add("demo", WHEEL)
    await client.report(promotion, an_entry(WHEEL.filename), ending="error", reason="Enough.")
    question = shown(await browser.get(of(stage, "/give-up")))
    assert "nothing can take them back" in question

    page = await decided(browser, stage, "give-up")

    assert "What is not published of this release will not be." in page
    assert (await stage_now(service, stage))["status"] == "canceled"
    assert await last_event(service, stage) == ("promotion-given-up", "ada")


async def test_what_the_state_does_not_allow(browser: DeskClient, stage: Any) -> None:
    """A decision that the state of the stage does not allow is refused with the reason."""
    for decision in ("stop", "give-up"):
        answer = await browser.get(of(stage, f"/{decision}"))

        assert answer.status == 409
        assert "Stage demo 2.0 is open and cannot be" in shown(answer)
        assert f'href="{of(stage)}"' in answer.text


async def test_controls(browser: DeskClient, stage: Any) -> None:
    """The page of a stage has a control for each decision that would work, and no other."""
    page = (await browser.get(of(stage))).text

    offered = [one for one in WHOLE if f'href="{of(stage, "/" + one)}"' in page]
    assert offered == ["publish", "extend", "rotate", "cancel"]
    removals = [one for one in (WHEEL, SDIST) if f"/files/{one.filename}/remove" in page]
    assert removals == [WHEEL, SDIST]


async def test_stage_page(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """The stage page has the controls for who may decide, and a way to sign in for strangers."""
    path = prefix_of(stage).removeprefix(service.url)

    own, strange = await browser.get(path), await DeskClient(service).get(path)

    offered = [
        [one for one in WHOLE if f'href="{of(stage, "/" + one)}"' in page.text]
        for page in (own, strange)
    ]
    assert offered == [["publish", "extend", "rotate", "cancel"], []]
    assert f"/desk/sign-in?next={of(stage)}" in strange.text
    assert "form-token" not in own.text + strange.text


async def test_stage_page_is_a_look(
    service: RunningService, browser: DeskClient, stage: Any
) -> None:
    """Who has seen the stage page, and publishes, is shown what has changed since."""
    await browser.get(prefix_of(stage).removeprefix(service.url))

    assert "Nothing, since 2026-11-22 12:00 UTC" in shown(await browser.get(of(stage, "/publish")))


@pytest.mark.parametrize("can", ["upload", "manage"])
async def test_no_control_of_others(service: RunningService, stage: Any, can: str) -> None:
    """Somebody whose token is for another project learns nothing of the stage, as in the API."""
    browser = await signed_in(service, await service.token(can, "other"))
    unknown = {"id": "0123456789abcdef"}

    for path in ("", "/progress", *(f"/{one}" for one in WHOLE)):
        foreign, missing = [await browser.get(of(one, path)) for one in (stage, unknown)]
        assert (foreign.status, missing.status) == (403, 403)
        assert shown(foreign) == shown(missing)
    form = {"form-token": await browser.form_token(), "manifest-digest": "0" * 64, "revision": "2"}
    posted = [await browser.post(of(stage, f"/{one}"), form) for one in WHOLE]
    assert {one.status for one in posted} <= {400, 403}
    assert (await stage_now(service, stage))["status"] == "open"


async def test_upload_tokens_look(service: RunningService, stage: Any) -> None:
    """Who has an upload token sees the stage, and may remove files; nothing else is offered."""
    browser = await signed_in(service, await service.token("upload", name="ci"))

    page = await browser.get(of(stage))
    form = {"form-token": await browser.form_token(), "manifest-digest": "0" * 64, "revision": "2"}
    posted = [await browser.post(of(stage, f"/{one}"), form) for one in WHOLE]

    assert [one for one in WHOLE if f'href="{of(stage, "/" + one)}"' in page.text] == []
    assert "Remove" in shown(page)
    assert {one.status for one in posted} <= {400, 403}
    refused = (await service.api("GET", f"stages/{stage['id']}/audit")).document["events"]
    assert [one["actor-name"] for one in refused if one["action"] == "refused"][:1] == ["ci"]


async def test_strangers(service: RunningService, stage: Any) -> None:
    """A stranger is asked to sign in, and comes back to the page after that; nothing is changed."""
    browser = DeskClient(service)

    for path in ("", "/progress", *(f"/{one}" for one in WHOLE)):
        answers = await browser.get(of(stage, path)), await browser.post(of(stage, path), {})
        expected = f"/desk/sign-in?next={of(stage, path)}"
        assert answers[0].headers["Location"] == expected
        assert answers[1].status in {303, 405}
    assert (await stage_now(service, stage))["status"] == "open"


async def test_right_is_lost_meanwhile(
    service: RunningService, browser: DeskClient, stage: Any
) -> None:
    """A token that is revoked between the question and the answer decides nothing."""
    tokens = (await service.api("GET", "tokens")).document["tokens"]
    form = {"form-token": await browser.form_token()}
    await service.api("DELETE", f"tokens/{next(t['id'] for t in tokens if t['name'] == 'ada')}")

    answer = await browser.post(of(stage, "/cancel"), form)

    assert answer.headers["Location"].startswith("/desk/sign-in")
    assert (await stage_now(service, stage))["status"] == "open"
