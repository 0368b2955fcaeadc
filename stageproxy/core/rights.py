"""Tokens and what they permit: kinds, format, digests and rights."""

import base64
import binascii
import hashlib
import hmac
import re
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import chain, count

from packaging.utils import canonicalize_version

EVERY_PROJECT = "*"
TOKEN_USER = "__token__"  # noqa: S105 - a name
LONGEST_NAME = 64
"""The longest name of an API token, in characters."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 32
_CHECKSUM_LENGTH = 6

TOKEN_PATTERN = re.compile(r"stg[vuma]_[0-9A-Za-z]{38}(?![0-9A-Za-z])")
"""The format of every token, which practically no other text has."""

_TOKEN_LIKE = re.compile(r"(stg[vuma])(?:_|%5[fF])[0-9A-Za-z]+")
_STAGE_PATH = re.compile(r"(/tmp/[^/\s]+/)[^/\s?\"']+")
_WORD = re.compile(r"\S+")
_BEFORE_USER = re.compile(r":(?:/|%2f)+|(?:/|%2f){2,}", re.IGNORECASE)


class TokenKind(StrEnum):
    """The kinds of tokens, by their prefixes."""

    STAGE = "stgv"
    UPLOAD = "stgu"
    MANAGE = "stgm"
    ADMIN = "stga"


class Action(StrEnum):
    """The actions that need a right."""

    SHOW = "show"
    OPEN = "open"
    UPLOAD = "upload"
    REMOVE = "remove"
    TRY = "try"
    EXTEND = "extend"
    CANCEL = "cancel"
    ROTATE = "rotate"
    PROMOTE = "promote"
    TOKENS = "tokens"
    AUDIT = "audit"
    VERIFY = "verify"
    SWEEP = "sweep"
    PROBE = "probe"


_UPLOAD_ACTIONS = frozenset({Action.SHOW, Action.OPEN, Action.UPLOAD, Action.REMOVE, Action.TRY})
_MANAGE_ACTIONS = _UPLOAD_ACTIONS | {
    Action.EXTEND,
    Action.CANCEL,
    Action.ROTATE,
    Action.PROMOTE,
    Action.AUDIT,
}

PERMITTED: Mapping[TokenKind, frozenset[Action]] = {
    TokenKind.STAGE: frozenset(),
    TokenKind.UPLOAD: _UPLOAD_ACTIONS,
    TokenKind.MANAGE: _MANAGE_ACTIONS,
    TokenKind.ADMIN: frozenset(Action),
}
"""What each kind of token permits. Reading a preview needs no right: the stage URL suffices."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as a client sends it. Its `repr` and `str` hide the secret; `reveal` returns it.

    `digest`: SHA-256 in hex, the only form that is stored.
    """

    kind: TokenKind
    secret: str = field(repr=False)

    def reveal(self) -> str:
        """Return the secret, for the client that may see it."""
        return self.secret

    def __str__(self) -> str:
        """Return a text that is safe to log."""
        return f"{self.kind}_***"

    @property
    def digest(self) -> str:
        """The SHA-256 of the token, in hex."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


def parse_token(text: str) -> Token | None:
    """Return the token in *text*, or `None` if its format or checksum is wrong."""
    if not TOKEN_PATTERN.fullmatch(text):
        return None
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    if not hmac.compare_digest(checksum, _checksum(body)):
        return None
    return Token(TokenKind(text[:4]), text)


def make_token(kind: TokenKind, entropy: bytes) -> Token:
    """Return a token of a *kind* made from *entropy*: 32 bytes, random or derived."""
    number = int.from_bytes(entropy, "big") % len(_ALPHABET) ** _RANDOM_LENGTH
    body = f"{kind}_{_base62(number, _RANDOM_LENGTH)}"
    return Token(kind, body + _checksum(body))


def derive_stage_token(secret: bytes, stage_id: str, rotation: int) -> Token:
    """Return the stage token of a stage after *rotation* rotations.

    It is derived instead of stored, so that the server can show a stage URL
    again while nothing in its database opens a stage.
    """
    message = f"stage:{stage_id}:{rotation}".encode()
    return make_token(TokenKind.STAGE, hmac.digest(secret, message, "sha256"))


def redacted(text: str) -> str:
    """Return *text* without tokens, and without users and passwords of URLs.

    This hides the token segment of every stage URL, and everything that starts
    like a token, valid or not: it may be a token with a typo, or a token pasted
    together with other text.
    """
    has_user = "@" in text or "%40" in text
    without_users = _WORD.sub(lambda found: _without_user(found[0]), text) if has_user else text
    # Functions replace faster than templates.
    without_stages = _STAGE_PATH.sub(lambda found: f"{found[1]}***", without_users)
    return _TOKEN_LIKE.sub(lambda found: f"{found[1]}_***", without_stages)


def _without_user(word: str) -> str:
    """Return a word without the user and the password before its last `@`, if it has any.

    They begin after the scheme or two slashes, or else with the segment, if it has a colon.
    """
    end = max(word.rfind("@"), word.rfind("%40"))
    if end < 0:
        return word
    if scheme := _BEFORE_USER.search(word, 0, end):
        return f"{word[: scheme.end()]}***{word[end:]}"
    start = word.rfind("/", 0, end) + 1
    has_password = ":" in word[start:end] or "%3a" in word[start:end].lower()
    return f"{word[:start]}***{word[end:]}" if has_password else word


@dataclass(frozen=True, slots=True)
class ApiToken:
    """The stored record of an API token: its scope and expiry, never the token itself.

    *name* is for people, and empty for tokens that were made before tokens had names. *publisher*:
    the id of the trusted publisher for whose job it was minted.
    """

    id: str
    kind: TokenKind
    project: str
    version: str | None
    digest: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    name: str = ""
    publisher: str | None = None

    @property
    def label(self) -> str:
        """The name and the id of the token, as people read them."""
        return actor_label(self.id, {self.id: self.name})

    def permits(self, action: Action, project: str | None, version: str | None = None) -> bool:
        """Return whether the token permits *action* on a release of *project*.

        `None` as project means all projects. A token for one version permits
        nothing on a stage whose version is not known yet.
        """
        if action not in PERMITTED[self.kind]:
            return False
        if self.project not in {EVERY_PROJECT, project}:
            return False
        if self.version is None:
            return True
        return version is not None and _is_same(self.version, version)

    def is_live(self, now: datetime) -> bool:
        """Return whether the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def parse_token_name(text: str) -> str:
    """Return the name of an API token in *text*. Raise `ValueError` if it is none."""
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        msg = f"A token's name is one line of 1 to {LONGEST_NAME} printable characters."
        raise ValueError(msg)
    if redacted(name) != name:
        msg = "The name looks like a token, and names are shown to others. Choose another one."
        raise ValueError(msg)
    return name


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return *wanted*, with a number if it is *taken*."""
    numbered = (f"{wanted} #{number}" for number in count(2))
    return next(one for one in chain([wanted], numbered) if not is_taken(one, taken))


def is_taken(name: str, taken: Collection[str]) -> bool:
    """Return whether a name is one of *taken*, whatever the case of its letters."""
    return name.casefold() in {one.casefold() for one in taken}


def actor_label(actor: str, names: Mapping[str, str]) -> str:
    """Return who did something, as people read it: the name and the id of an API token.

    It is *actor* alone for the server, and for a token without a name.
    """
    name = redacted(names.get(actor, ""))
    return f"{name} ({actor})" if name else actor


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential for publishing on an index. Its `repr` and `str` hide the password."""

    username: str
    password: str = field(repr=False)

    def __str__(self) -> str:
        """Return a text that is safe to log."""
        return f"{self.username}:***"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def hidden_in(self, text: str) -> str:
        """Return *text* without the password, which other servers may echo."""
        for secret in filter(None, (self.authorization.removeprefix("Basic "), self.password)):
            text = text.replace(secret, "***")
        return text


def parse_credential(text: str) -> Credential:
    """Return the credential in an API token or `user:password`. Raise `ValueError` otherwise.

    A token is the password of the user `__token__`, as on PyPI.
    """
    stripped = text.strip()
    username, _, password = (
        stripped.partition(":") if ":" in stripped else (TOKEN_USER, "", stripped)
    )
    if not username or not password or not stripped.isprintable():
        msg = "Expected an API token or USER:PASSWORD."
        raise ValueError(msg)
    return Credential(username, password)


def _is_same(version: str, other: str) -> bool:
    return canonicalize_version(version) == canonicalize_version(other)


def _checksum(body: str) -> str:
    return _base62(binascii.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
