"""Sessions at the desk: how long one lasts, and what its secret gives away."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.rights import ApiToken
from stageproxy.core.sessions import SessionSecret, SessionTimes, new_session
from tests.store.builders import HOUR, NOW, an_api_token

TIMES = SessionTimes(idle=12 * HOUR, longest=72 * HOUR)
SECRET = SessionSecret("a secret")
TOKEN = an_api_token("t1")


def expiring_in(hours: int) -> ApiToken:
    """Return an API token that expires so many hours from now."""
    return replace(TOKEN, expires_at=NOW + hours * HOUR)


@pytest.mark.parametrize(
    ("used_after", "hours"),
    [
        pytest.param([], 12, id="never used"),
        pytest.param([11], 23, id="used before it expires"),
        pytest.param([11, 22, 33, 44, 55, 66], 72, id="used all the time"),
    ],
)
def test_expiry(used_after: list[int], hours: int) -> None:
    """A session ends when it was not used for the idle time, and after the longest time anyway."""
    session = new_session(SECRET, TOKEN, NOW, TIMES)
    for after in used_after:
        session = session.used(NOW + after * HOUR, TIMES)

    end = NOW + hours * HOUR
    assert session.is_live(end - timedelta(microseconds=1))
    assert not session.is_live(end)


@pytest.mark.parametrize(("token_hours", "hours"), [(5, 5), (100, 12)])
def test_ends_with_the_token(token_hours: int, hours: int) -> None:
    """A session never lasts longer than the API token that it began with."""
    session = new_session(SECRET, expiring_in(token_hours), NOW, TIMES)

    assert session.expires_at == NOW + hours * HOUR
    assert session.used(NOW + 4 * HOUR, TIMES).expires_at <= NOW + token_hours * HOUR


def test_use_is_noted_now_and_then() -> None:
    """Reading page after page writes nothing: a use is noted once in a twelfth of the idle time."""
    session = new_session(SECRET, TOKEN, NOW, TIMES)

    assert session.used(NOW + HOUR - timedelta(seconds=1), TIMES) is session
    assert session.used(NOW + HOUR, TIMES).used_at == NOW + HOUR


def test_secret_does_not_print() -> None:
    """A session's secret and digest are in no `repr`, and neither can be had from its forms."""
    session = new_session(SECRET, TOKEN, NOW, TIMES)

    shown = f"{SECRET!r} {SECRET} {session!r}"
    assert [one for one in (SECRET.value, SECRET.digest) if one in shown] == []
    assert SECRET.form_token not in {SECRET.value, SECRET.digest}


@pytest.mark.parametrize("form_token", ["", "0" * 64, SessionSecret("other").form_token, "é"])
def test_forms_of_others(form_token: str) -> None:
    """Only forms of the session itself are accepted."""
    assert SECRET.made(SECRET.form_token)
    assert not SECRET.made(form_token)
