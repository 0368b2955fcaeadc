"""Judgements on the way to a server and to upstream."""

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from stageproxy.core.care.network import (
    BodyFacts,
    ForwardedFacts,
    PublicAnswer,
    UpstreamAnswer,
    judge_bodies,
    judge_clock,
    judge_forwarding,
    judge_public_url,
    judge_upstream,
    judge_url,
)
from tests.support.ports.clock import NOON

JSON = "application/vnd.pypi.simple.v1+json"
ANSWER = UpstreamAnswer(200, 0.2, f"{JSON}; charset=utf-8", has_validator=True, date="")
BODIES = BodyFacts(streamed=True, whole=200, size=4 * 2**20, largest=None, limit=101 * 2**20)
URL = "https://stage.example"


@pytest.mark.parametrize(
    ("answer", "levels"),
    [
        (ANSWER, ["ok", "ok"]),
        (replace(ANSWER, status=404), ["ok"]),
        (replace(ANSWER, status=403), ["problem"]),
        (replace(ANSWER, status=503), ["problem"]),
        (replace(ANSWER, seconds=2.1), ["warning", "ok"]),
        (replace(ANSWER, content_type="text/html"), ["ok", "ok"]),
        (replace(ANSWER, content_type="application/json"), ["ok", "problem"]),
        (replace(ANSWER, content_type=""), ["ok", "problem"]),
        (replace(ANSWER, has_validator=False), ["ok", "ok", "warning"]),
    ],
)
def test_upstream(answer: UpstreamAnswer, levels: list[str]) -> None:
    """The status, time, type and validators of upstream's page are judged."""
    assert [one.level for one in judge_upstream("PyPI", answer)] == levels


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        (0, "ok"),
        (-29, "ok"),
        (31, "warning"),
        (-31, "warning"),
        (301, "problem"),
        (-9999, "problem"),
    ],
)
def test_clock(seconds: int, level: str) -> None:
    """A clock may be off by some seconds, as the header has only whole ones."""
    now = NOON.replace(microsecond=0)
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)

    assert judge_clock("PyPI", date, now).level == level


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_no_clock(date: str) -> None:
    """Without a date, clocks cannot be compared."""
    assert judge_clock("PyPI", date, NOON).level == "warning"


@pytest.mark.parametrize(
    ("answer", "level", "what"),
    [
        (PublicAnswer(200, "a"), "ok", "leads to this server"),
        (PublicAnswer(200, "b"), "problem", "another stageproxy"),
        (PublicAnswer(404, None), "problem", "answers 404"),
    ],
)
def test_public_url(answer: PublicAnswer, level: str, what: str) -> None:
    """The public URL has to lead to this very server."""
    found = judge_public_url(URL, answer, "a")

    assert (found.level, what in found.sentence) == (level, True)


@pytest.mark.parametrize(
    ("url", "is_loopback", "is_wildcard", "level"),
    [
        (URL, False, True, None),
        ("", False, False, None),
        ("", False, True, "problem"),
        ("http://stage.example", False, False, "warning"),
        ("http://127.0.0.1:8726", True, False, None),
    ],
)
def test_url(url: str, *, is_loopback: bool, is_wildcard: bool, level: str | None) -> None:
    """A server for others needs a public URL, and one with TLS."""
    found = judge_url(url, is_loopback=is_loopback, is_wildcard=is_wildcard)

    assert (found.level if found else None) == level


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (ForwardedFacts("127.0.0.1", is_trusted=True, is_forwarded=True), "ok"),
        (ForwardedFacts("127.0.0.1", is_trusted=False, is_forwarded=True), "warning"),
        (ForwardedFacts("127.0.0.1", is_trusted=True, is_forwarded=False), "warning"),
    ],
)
def test_forwarding(facts: ForwardedFacts, level: str) -> None:
    """The proxy has to name its clients, and the server has to trust it."""
    assert judge_forwarding(facts).level == level


@pytest.mark.parametrize(
    ("bodies", "levels", "what"),
    [
        (BODIES, ["ok", "ok"], "up to 101 MiB"),
        (replace(BODIES, streamed=False), ["warning", "ok"], "up to 101 MiB"),
        (replace(BODIES, whole=413, largest=413), ["ok", "problem"], "a body of 4 MiB"),
        (replace(BODIES, largest=413), ["ok", "problem"], "a body of 101 MiB"),
        (replace(BODIES, whole=502), ["ok", "problem"], "answered with 502"),
        (replace(BODIES, largest=0), ["ok", "ok"], "accepts a body of 4 MiB"),
    ],
)
def test_bodies(bodies: BodyFacts, levels: list[str], what: str) -> None:
    """A proxy has to pass bodies on at once, up to the limit of the server."""
    found = list(judge_bodies(bodies))

    assert [one.level for one in found] == levels
    assert what in found[-1].sentence
