"""Tokens: their spelling, digests and permissions."""

import hashlib
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.rights import (
    PERMITTED,
    TOKEN_PATTERN,
    Action,
    ApiToken,
    Token,
    TokenKind,
    derive_stage_token,
    make_token,
    parse_token,
    redacted,
)
from tests.support.ports.clock import NOON

SECRET = b"a secret of the server"
KINDS = st.sampled_from(TokenKind)
ENTROPY = st.binary(min_size=32, max_size=32)
FILLING = {Action.SHOW, Action.OPEN, Action.UPLOAD, Action.REMOVE, Action.TRY}
MANAGING = {Action.EXTEND, Action.CANCEL, Action.ROTATE, Action.PROMOTE, Action.AUDIT}
OPERATING = {Action.TOKENS, Action.VERIFY, Action.SWEEP, Action.PROBE}
TOKENS = st.builds(make_token, KINDS, ENTROPY)


def an_api_token(
    kind: TokenKind = TokenKind.UPLOAD, project: str = "demo", version: str | None = None
) -> ApiToken:
    """Return an API token that never expires."""
    return ApiToken("t1", kind, project, version, digest="0" * 64, created_at=NOON)


@given(TOKENS)
def test_token_can_be_parsed(token: Token) -> None:
    """For any kind and any random bytes, a token parses to itself."""
    assert parse_token(token.reveal()) == token


@given(KINDS, ENTROPY)
def test_token_is_spelled_by_its_kind(kind: TokenKind, entropy: bytes) -> None:
    """A token is the prefix of its kind, an underscore, and 38 letters and digits."""
    assert re.fullmatch(rf"{kind}_[0-9A-Za-z]{{38}}", make_token(kind, entropy).reveal())


@pytest.mark.parametrize(
    ("entropy", "spelled"),
    [
        (bytes(32), "stgv_" + "0" * 32 + "2JlLeo"),
        (bytes(31) + b"\x01", "stgv_" + "0" * 31 + "1" + "0Atkhk"),
        (bytes(31) + b"\x3d", "stgv_" + "0" * 31 + "z" + "4G5WcK"),
        (bytes(31) + b"\x3e", "stgv_" + "0" * 30 + "10" + "1tXQcB"),
    ],
    ids=["zero", "one", "the last digit", "a carry"],
)
def test_tokens_are_spelled_in_base62(entropy: bytes, spelled: str) -> None:
    """The spelling never changes, so that published stage URLs stay valid."""
    assert make_token(TokenKind.STAGE, entropy).reveal() == spelled


@given(TOKENS, st.integers(5, 42), st.sampled_from("0aZ9"))
def test_mistyped_token_is_refused(token: Token, place: int, typed: str) -> None:
    """The checksum finds every single wrong character, without a look-up in the database."""
    right = token.reveal()
    wrong = right[:place] + typed + right[place + 1 :]

    assert (parse_token(wrong) is None) == (wrong != right)


@given(TOKENS, KINDS)
def test_token_cannot_change_its_kind(token: Token, kind: TokenKind) -> None:
    """The checksum covers the kind: an upload token cannot be spelled as an admin token."""
    respelled = f"{kind}{token.reveal()[4:]}"

    assert (parse_token(respelled) is not None) == (kind is token.kind)


@pytest.mark.parametrize(
    "text",
    ["", "stgv_", "stgx_" + "0" * 38, "0" * 43, "stgv-" + "0" * 38, "stgv_" + "é" * 38],
    ids=["empty", "no digits", "unknown kind", "no kind", "no underscore", "not ASCII"],
)
def test_other_texts_are_no_tokens(text: str) -> None:
    """A text that is not spelled like a token is refused."""
    assert parse_token(text) is None


@given(st.text(max_size=30), TOKENS, st.text(max_size=30))
def test_pattern_finds_tokens_in_text(before: str, token: Token, after: str) -> None:
    """Scanners for leaked tokens find each token that no letter touches."""
    found = TOKEN_PATTERN.findall(f"{before} {token.reveal()} {after}")

    assert token.reveal() in found


@given(st.text() | st.text("stgvuma_0aZ", max_size=60))
def test_pattern_finds_nothing_else(text: str) -> None:
    """Texts that look similar do not match."""
    assert all(
        re.fullmatch(r"stg[vuma]_[0-9A-Za-z]{38}", one) for one in TOKEN_PATTERN.findall(text)
    )
    assert TOKEN_PATTERN.search(text[:42]) is None


def test_token_is_stored_as_its_sha256() -> None:
    """Only the SHA-256 of the whole token is stored."""
    token = make_token(TokenKind.UPLOAD, bytes(32))

    assert token.digest == hashlib.sha256(token.reveal().encode()).hexdigest()


def test_stage_token_is_derived() -> None:
    """The same stage has the same token, so that its URL can be shown again."""
    assert derive_stage_token(SECRET, "s1", 0) == derive_stage_token(SECRET, "s1", 0)


@pytest.mark.parametrize(
    ("secret", "stage_id", "rotation"),
    [(b"another", "s1", 0), (SECRET, "s2", 0), (SECRET, "s1", 1), (SECRET, "s1:0", 0)],
    ids=["another secret", "another stage", "after a rotation", "an id that looks like two parts"],
)
def test_other_stages_have_other_tokens(secret: bytes, stage_id: str, rotation: int) -> None:
    """Each stage and each rotation has its own token."""
    assert derive_stage_token(secret, stage_id, rotation) != derive_stage_token(SECRET, "s1", 0)


@pytest.mark.parametrize("kind", TokenKind)
@pytest.mark.parametrize("action", Action)
def test_permissions_of_each_kind(kind: TokenKind, action: Action) -> None:
    """Upload tokens fill stages, manage tokens also publish and audit them, admin tokens do all."""
    expected = {
        TokenKind.STAGE: set(),
        TokenKind.UPLOAD: FILLING,
        TokenKind.MANAGE: FILLING | MANAGING,
        TokenKind.ADMIN: FILLING | MANAGING | OPERATING,
    }[kind]

    assert an_api_token(kind).permits(action, "demo") == (action in expected)


@pytest.mark.parametrize("action", [Action.PROMOTE, Action.CANCEL, Action.EXTEND, Action.AUDIT])
def test_upload_tokens_cannot_publish(action: Action) -> None:
    """Upload tokens cannot end or publish a stage, or read its audit trail."""
    assert action not in PERMITTED[TokenKind.UPLOAD]


@pytest.mark.parametrize(
    ("scope", "asked", "permitted"),
    [
        (("demo", None), ("demo", None), True),
        (("demo", None), ("demo", "1.0"), True),
        (("demo", None), ("other", None), False),
        (("demo", None), (None, None), False),
        (("*", None), ("demo", "1.0"), True),
        (("*", None), (None, None), True),
        (("demo", "1.0"), ("demo", "1.0"), True),
        (("demo", "1.0"), ("demo", "1"), True),
        (("demo", "1.0"), ("demo", "1.1"), False),
        (("demo", "1.0"), ("demo", None), False),
        (("demo", "1.0"), ("other", "1.0"), False),
        (("*", "1.0"), ("demo", "1.0.0"), True),
        (("*", "1.0"), (None, None), False),
    ],
    ids=str,
)
def test_token_is_for_its_project_and_version(
    scope: tuple[str, str | None], asked: tuple[str | None, str | None], *, permitted: bool
) -> None:
    """Each part of a token's scope that is set must match."""
    token = an_api_token(TokenKind.UPLOAD, *scope)

    assert token.permits(Action.UPLOAD, *asked) is permitted


@pytest.mark.parametrize(
    ("minutes", "is_live"), [(-1, True), (0, False), (1, False)], ids=["before", "at", "after"]
)
def test_token_expires(minutes: int, *, is_live: bool) -> None:
    """A token is invalid from the exact time of its expiry."""
    token = ApiToken("t1", TokenKind.UPLOAD, "*", None, "0" * 64, NOON, expires_at=NOON)

    assert token.is_live(NOON + timedelta(minutes=minutes)) is is_live


def test_revoked_token_is_invalid() -> None:
    """A revoked token is invalid at once and forever."""
    token = ApiToken("t1", TokenKind.UPLOAD, "*", None, "0" * 64, NOON, revoked_at=NOON)

    assert not token.is_live(NOON - timedelta(days=1))


@given(TOKENS)
def test_tokens_do_not_print(token: Token) -> None:
    """Neither `repr` nor `str` shows the secret."""
    secret = token.reveal()[5:]

    assert secret not in repr(token)
    assert secret not in str(token)
    assert secret not in f"{token}"


def test_digests_do_not_print() -> None:
    """The digest of a token is not logged by accident."""
    assert "0" * 64 not in repr(an_api_token())


@given(st.text(max_size=30), TOKENS, st.text(max_size=30))
def test_redacted_text_has_no_token(before: str, token: Token, after: str) -> None:
    """For any text around it, a token is removed.

    A token followed by letters was left in once: the pattern for scanners requires the end of the
    token.
    """
    assert token.reveal()[5:] not in redacted(f"{before}{token.reveal()}{after}")


@given(st.text(min_size=1).filter(lambda text: not re.search(r"[/\s?\"'*]", text)))
def test_redacted_path_has_no_third_segment(mistyped: str) -> None:
    """The segment of the token is removed from a path even if it is mistyped."""
    assert redacted(f"GET /tmp/demo/{mistyped}/simple/") == "GET /tmp/demo/***/simple/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/tmp/demo/x?y=1", "/tmp/demo/***?y=1"),
        ('"GET /tmp/demo/x HTTP/1.1"', '"GET /tmp/demo/*** HTTP/1.1"'),
        ("https://a.example.org/tmp/demo/x/", "https://a.example.org/tmp/demo/***/"),
        ("/tmp/demo/", "/tmp/demo/"),
        ("/simple/demo/x", "/simple/demo/x"),
        ("of stgu_abc", "of stgu_***"),
    ],
    ids=["a query", "a request line", "a URL", "no token", "another path", "half a token"],
)
def test_redacted_text_keeps_the_rest(text: str, expected: str) -> None:
    """Text that is not secret stays in a log."""
    assert redacted(text) == expected


USERINFO = {
    "a URL": ("at https://user:SECRET@host/x", "at https://***@host/x"),
    "a user alone": ("https://SECRET@host/", "https://***@host/"),
    "a slash in the password": ("https://user:SEC/RET@host/", "https://***@host/"),
    "an @ in the password": ("https://user:SEC@RET@host/", "https://***@host/"),
    "capitals": ("HTTPS://USER:SECRET@HOST/", "HTTPS://***@HOST/"),
    "no scheme": ("//user:SECRET@host/x", "//***@host/x"),
    "one slash": ("/x/https:/user:SECRET@host/", "/x/https:/***@host/"),
    "a segment": ("/simple/user:SECRET@host/x", "/simple/***@host/x"),
    "an authority": ("user:SECRET@host:443", "***@host:443"),
    "escapes": ("/https:%2F%2Fuser%3ASECRET%40host", "/https:%2F%2F***%40host"),
    "an escaped password": ("/user%3aSECRET%40host/", "/***%40host/"),
    "in quotes": ("from 'https://user:SECRET@host/'", "from 'https://***@host/'"),
    "an address of mail": ("to me@host.example", "to me@host.example"),
    "a time": ("at 12:00:00 by me", "at 12:00:00 by me"),
}


@pytest.mark.parametrize(("text", "expected"), USERINFO.values(), ids=USERINFO)
def test_redacted_text_has_no_password(text: str, expected: str) -> None:
    """Users and passwords in URLs are removed, however they are spelled."""
    assert redacted(text) == expected


def test_redacting_takes_no_longer_for_long_words() -> None:
    """A long word of colons or slashes, which a client may send, is read once."""
    for text in (":" * 10**6, "/" * 10**6, "@" + ":" * 10**6, "a" * 10**6 + "@"):
        redacted(text)


@given(st.text())
def test_redacting_twice_changes_nothing(text: str) -> None:
    """A line that passes two loggers is redacted once."""
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize("underscore", ["_", "%5F", "%5f"])
def test_redacted_escapes(underscore: str) -> None:
    """A percent-encoded token is removed, too."""
    token = f"stgu{underscore}{'0' * 38}"

    assert redacted(f"/tmp//{token}/ {token}") == "/tmp//stgu_***/ stgu_***"
