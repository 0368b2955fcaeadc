"""Evidence: what is stored of a report, which can be anything."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stageproxy.core.review.evidence import Evidence, cleaned, log_tail, target_of
from stageproxy.core.rights import TokenKind, make_token

TOKEN = make_token(TokenKind.STAGE, b"\x07" * 32).reveal()
EVIDENCE = Evidence(
    id="e1",
    manifest_digest="e" * 64,
    python="3.13.5",
    implementation="cpt",
    platform="manylinux x86_64",
    installer="pip 26.3",
    filename="demo-1.0-py3-none-any.whl",
    command="pytest -q",
    passed=True,
    exit_code=0,
    seconds=1.25,
    log_tail="1 passed",
    at=datetime(2026, 11, 22, tzinfo=UTC),
    by="t1",
)
HOSTILE = {
    "a stage URL": (
        f"Looking in indexes: https://stage.example/tmp/demo/{TOKEN}/simple/",
        "Looking in indexes: https://stage.example/tmp/demo/***/simple/",
    ),
    "a token": (f"export T={TOKEN}", "export T=stgv_***"),
    "a token that is cut off": (f"{'x' * 290} {TOKEN}", None),
    "a password": ("https://user:secret@files.example/a", "https://***@files.example/a"),
    "a colour": ("\x1b[31mred\x1b[0m", "?[31mred?[0m"),
    "bidi characters": ("abc\u202edef", "abc?def"),
    "a tab": ("a\tb\x07", "a    b?"),
    "a bell and a return": ("a\rb", "a\nb"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_log(text: str, shown: str | None) -> None:
    """A log is stored without tokens, passwords and characters that steer a terminal."""
    tail = log_tail(text)

    assert tail == shown or shown is None
    assert TOKEN[:12] not in tail
    assert all(one.isprintable() or one == "\n" for one in tail)


def test_short_log() -> None:
    """A short log is stored as it is."""
    assert log_tail("one\ntwo\n") == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "first"),
    [("line\n" * 1000, "(940 earlier lines)"), (("x" * 299 + "\n") * 50, "(24 earlier lines)")],
    ids=["many lines", "long lines"],
)
def test_long_log(text: str, first: str) -> None:
    """Of a long log the last lines are stored, and how many there were before is said."""
    tail = log_tail(text)

    assert tail.splitlines()[0] == first
    assert len(tail) < 8200


def test_long_line() -> None:
    """A long line is cut, which an ellipsis shows."""
    assert log_tail("x" * 1000) == "x" * 299 + "…"


def test_every_text_is_cleaned() -> None:
    """Commands and names that a client chose are shortened and made printable, too."""
    hostile = replace(
        EVIDENCE,
        python="3\x1b" * 99,
        platform="p\x1b" * 99,
        installer=TOKEN,
        command=f"curl https://stage.example/tmp/demo/{TOKEN}/ {'x' * 900}",
        log_tail=TOKEN,
    )

    found = cleaned(hostile)

    assert (found.installer, found.log_tail) == ("stgv_***", "stgv_***")
    assert found.command.startswith("curl https://stage.example/tmp/demo/***/ xxx")
    assert (len(found.python), len(found.platform), len(found.command)) == (80, 80, 500)


def test_target() -> None:
    """Evidence is of a target: the interpreter without its last number, and the platform."""
    assert str(target_of(EVIDENCE)) == "cp313t-manylinux_x86_64"
