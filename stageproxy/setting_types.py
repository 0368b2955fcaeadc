"""The types of settings: durations, URLs, networks, paths and secrets, as text and as values."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr

from stageproxy.core.durations import parse_duration, spell_duration
from stageproxy.core.review.expectations import parse_expects
from stageproxy.core.review.impact.targets import Target, parse_target

Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(spell_duration, return_type=str)
]


def _redact_credentials(url: str) -> str:
    parts = urlsplit(url)
    _, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"***@{host}")) if at else url


Url = Annotated[str, Field(repr=False), PlainSerializer(_redact_credentials)]
"""A URL that may contain credentials, which are not shown."""


def _parse_min_free(value: object) -> object:
    return None if value == "auto" else value


MinFree = Annotated[
    int | None,
    Field(ge=0),
    BeforeValidator(_parse_min_free),
    PlainSerializer(lambda size: "auto" if size is None else size),
]
"""A number of bytes, or `None` for `auto`."""


OptionalPath = Annotated[
    Path | None,
    BeforeValidator(lambda value: value or None),
    PlainSerializer(lambda path: str(path or ""), return_type=str),
]
"""A path, or `None` for the empty string: TOML has no null."""


def _check_web_url(value: object) -> object:
    if isinstance(value, str) and value and urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("give a full URL that begins with https://")
    return value


WebUrl = Annotated[Url, BeforeValidator(_check_web_url)]
"""The absolute URL of a web server, or the empty string."""


def _parse_networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return networks from a list, or from a comma-separated string in the environment."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise ValueError("give a list of IP addresses and networks")  # noqa: TRY004 - for pydantic
    return tuple(_parse_network(str(text).strip()) for text in texts if str(text).strip())


def _parse_network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        msg = f"{text!r} is neither an IP address nor a network such as 10.0.0.0/8"
        raise ValueError(msg) from error


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_parse_networks)]


def _parse_targets(value: object) -> tuple[Target, ...]:
    """Return targets from a list, or from a comma-separated string in the environment."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise ValueError("give a list of targets such as cp313-manylinux_x86_64")  # noqa: TRY004 - for pydantic
    return tuple(parse_target(str(text)) for text in texts if str(text).strip())


Targets = Annotated[
    tuple[Target, ...],
    BeforeValidator(_parse_targets),
    PlainSerializer(lambda targets: [str(one) for one in targets]),
]

Expects = Annotated[tuple[str, ...], AfterValidator(parse_expects)]
"""Patterns of the files that a release is expected to have."""


def _parse_secrets(value: object) -> object:
    """Return a table of secrets, or one from `name=secret,…` in the environment."""
    if not isinstance(value, str):
        return value
    pairs = (text.partition("=") for text in value.split(",") if text.strip())
    return {name.strip(): secret.strip() for name, _, secret in pairs}


Secrets = Annotated[dict[str, SecretStr], BeforeValidator(_parse_secrets)]


_PASSWORD = re.compile(r"(\w*password)=[^&]*")
_POSTGRESQL = frozenset({"postgresql", "postgres"})


def _check_database_url(value: object) -> object:
    if isinstance(value, str) and value and urlsplit(value).scheme not in _POSTGRESQL:
        raise ValueError("give a URL that begins with postgresql://, or nothing for SQLite")
    return value


def _hide_password(url: str) -> str:
    """Return the URL of a database as it may be shown, even if its password is not escaped."""
    scheme, slashes, rest = url.partition("://")
    _, at, place = rest.rpartition("@")
    shown = _PASSWORD.sub(r"\1=***", place)
    return f"{scheme}{slashes}{'***@' if at else ''}{shown}"


DatabaseUrl = Annotated[
    str,
    Field(repr=False),
    BeforeValidator(_check_database_url),
    PlainSerializer(_hide_password),
]
"""The URL of a PostgreSQL database, or the empty string."""


def _check_files_url(value: object) -> object:
    if isinstance(value, str) and value:
        parts = urlsplit(value)
        if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or parts.query:
            raise ValueError("give s3://BUCKET or s3://BUCKET/PREFIX, or nothing for a folder")
    return value


FilesUrl = Annotated[str, BeforeValidator(_check_files_url)]
"""The bucket of an S3-compatible store and a prefix in it, or the empty string."""


def _parse_issuers(value: object) -> tuple[str, ...]:
    """Return issuers from a list, or from a comma-separated string in the environment."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise ValueError("give a list of URLs of issuers")  # noqa: TRY004 - for pydantic
    return tuple(_check_issuer(str(text).strip()) for text in texts if str(text).strip())


def _check_issuer(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.query or "@" in parts.netloc:
        raise ValueError("give the https:// URL of an issuer, as its identities name it")
    return text


Issuers = Annotated[tuple[str, ...], BeforeValidator(_parse_issuers)]
"""The URLs of issuers of identities, spelled as in them."""
