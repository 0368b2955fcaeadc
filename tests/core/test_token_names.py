"""Names of API tokens: what a name may be, and how people read who did something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.rights import (
    LONGEST_NAME,
    TokenKind,
    actor_label,
    free_name,
    make_token,
    parse_token_name,
)

SECRET = make_token(TokenKind.UPLOAD, b"\x07" * 32).reveal()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ci-linux", "ci-linux"),
        ("  nightly build ", "nightly build"),
        ("Jürgen's laptop", "Jürgen's laptop"),
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
    ],
    ids=["a word", "surrounding spaces", "any language", "the longest"],
)
def test_names(text: str, name: str) -> None:
    """A name is one line of printable text."""
    assert parse_token_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "two\nlines",
        "a\x1b[2Kb",
        "right\u202eto left",
        "no\u200bwidth",
        "x" * (LONGEST_NAME + 1),
        SECRET,
        f"of {SECRET}",
        "stgu_half",
        f"/tmp/demo/{SECRET}/",
    ],
    ids=[
        "nothing",
        "spaces",
        "two lines",
        "a control character",
        "another direction",
        "an invisible character",
        "too long",
        "a token",
        "a token in text",
        "half a token",
        "a stage URL",
    ],
)
def test_what_is_no_name(text: str) -> None:
    """A name that a terminal would not print as it is, or that looks like a token, is refused."""
    with pytest.raises(ValueError, match="name"):
        parse_token_name(text)


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ([], "upload demo"),
        (["upload other"], "upload demo"),
        (["Upload Demo"], "upload demo #2"),
        (["upload demo", "upload demo #2"], "upload demo #3"),
    ],
    ids=["the first", "another name", "the same in other letters", "two before"],
)
def test_free_name(taken: list[str], name: str) -> None:
    """A name that another token has gets a number."""
    assert free_name("upload demo", taken) == name


@pytest.mark.parametrize(
    ("actor", "label"),
    [
        ("eb88813e", "ci-linux (eb88813e)"),
        ("12345678", "12345678"),
        ("server", "server"),
    ],
    ids=["a token with a name", "a token without one", "the server"],
)
def test_actor_label(actor: str, label: str) -> None:
    """People read the name and the id of a token, or what there is of them."""
    assert actor_label(actor, {"eb88813e": "ci-linux"}) == label


@given(st.text(max_size=5), st.text(max_size=5))
def test_token_in_a_name_does_not_print(before: str, after: str) -> None:
    """For any name that contains a token, however it came into the database, no label shows it."""
    assert SECRET[5:] not in actor_label("t1", {"t1": f"{before}{SECRET}{after}"})
