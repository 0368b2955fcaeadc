"""Here is every setting, its default and its meaning.

One TOML file, read once; `STAGEPROXY_<SECTION>__<NAME>` in the environment
goes before it. `main` hands single values on, never the whole.
"""

import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
)

from stageproxy.core.durations import parse_duration, spell_duration

_PREFIX = "STAGEPROXY_"
_REASONS = {
    "extra_forbidden": "there is no such setting. Check its spelling.",
    "model_type": "this is a section. Write it as a table.",
}
_MIB = 2**20

Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(spell_duration, return_type=str)
]


def _redact_credentials(url: str) -> str:
    parts = urlsplit(url)
    _, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"***@{host}")) if at else url


Url = Annotated[str, Field(repr=False), PlainSerializer(_redact_credentials)]
"""A URL that may hold credentials, which are not shown."""


OptionalPath = Annotated[
    Path | None,
    BeforeValidator(lambda value: value or None),
    PlainSerializer(lambda path: str(path or ""), return_type=str),
]
"""A path, or an empty text for none: TOML has no other word for that."""


def _check_web_url(value: object) -> object:
    if isinstance(value, str) and value and urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("give a whole URL that begins with https://")
    return value


WebUrl = Annotated[Url, BeforeValidator(_check_web_url)]
"""The URL of a web server, in whole; or none."""


def _parse_networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of a list, or of a text with commas as the environment has it."""
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


def _parse_secrets(value: object) -> object:
    """Return a table, also one from the environment: a text with commas and equals signs."""
    if not isinstance(value, str):
        return value
    pairs = (text.partition("=") for text in value.split(",") if text.strip())
    return {name.strip(): secret.strip() for name, _, secret in pairs}


Secrets = Annotated[dict[str, SecretStr], BeforeValidator(_parse_secrets)]


class ConfigError(Exception):
    """The settings cannot be used; the sentence says which and why."""


class SettingsTable(BaseModel):
    """A table of the file. A name that we do not know is a mistake of the writer's."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerSettings(SettingsTable):
    """Where the server listens, and what it is called from outside."""

    host: str = "127.0.0.1"
    port: int = Field(8726, ge=0, le=65535)
    public_url: str = Field(
        "", description="The URL users see; by default where the server listens."
    )
    trusted_proxies: Networks = Field(
        (), description="Who is believed about clients' addresses, in X-Forwarded-For."
    )
    workers: int = Field(1, description="Processes. Only 1 so far.")
    secret: SecretStr = Field(
        SecretStr(""),
        description="What stage tokens are derived from; by default the file `secret` in the data "
        "directory, which the first start writes. Best given by environment.",
    )


class UpstreamSettings(SettingsTable):
    """The index that stages are laid over."""

    url: Url = Field("", description="Its `/`; by default the index that pip here uses.")
    simple_url: Url = Field("", description="Its project pages, if not at `simple/` below `url`.")
    files_url: str = Field("", description="Its file host: where it may redirect to besides `url`.")
    connect_timeout: Duration = timedelta(seconds=5)
    read_timeout: Duration = timedelta(seconds=15)
    total_timeout: Duration = Field(timedelta(seconds=60), description="For a page, not a file.")
    fresh_for: Annotated[Duration, Field(le=timedelta(seconds=60))] = Field(
        timedelta(seconds=5), description="How long a page is used without asking; at most 60s."
    )
    cache_size: int = Field(256 * _MIB, ge=0, description="Bytes of pages kept in memory.")
    max_page_size: int = Field(64 * _MIB, description="Bytes of a page, unpacked.")


class StorageSettings(SettingsTable):
    """Where stages are kept."""

    data: Path = Path("stageproxy-data")


class StageSettings(SettingsTable):
    """How long a stage lives, and how many there may be."""

    lifetime: Duration = Field(timedelta(days=7), description="Each change starts it again.")
    max_lifetime: Duration = Field(timedelta(days=30), description="From the opening on.")
    max_per_project: int = Field(20, ge=1, description="Live stages at a time.")
    retention: Duration = Field(
        timedelta(days=30), description="How long an ended stage says what became of it."
    )


class UploadSettings(SettingsTable):
    """What uploads may do."""

    max_file_size: int = Field(2048 * _MIB, ge=1, description="Bytes.")
    replace: bool = Field(default=True, description="A staged file may be exchanged.")
    strict: bool = Field(
        default=False, description="Refuse what is suspicious, even where PyPI accepts it."
    )
    pep694: bool = Field(
        default=True, description="Speak Upload 2.0, a draft: PEP 694 in its round 4 (2026-07-29)."
    )


class LogSettings(SettingsTable):
    """What the server logs, on its standard error stream."""

    format: Literal["text", "json"] = Field("text", description="Lines for people or programs.")
    level: Literal["debug", "info", "warning", "error"] = "info"


class PromotionSettings(SettingsTable):
    """Where releases are published, and with what."""

    repository_url: WebUrl = Field("", description="The upload API; by default PyPI's.")
    index_url: WebUrl = Field("", description="The simple index that confirms; by default PyPI's.")
    username: str = Field("__token__", description="The user whose password `token` is.")
    token: SecretStr = Field(SecretStr(""), description="Only by environment or file.")
    token_file: OptionalPath = Field(
        None, description="A file with the token, read for each promotion."
    )
    tokens: Secrets = Field(default_factory=dict, description="Tokens of single projects, by name.")
    parallel: int = Field(4, ge=1, le=32, description="Files sent at the same time.")
    patience: Duration = Field(
        timedelta(minutes=15), description="How long the index may take to show a file."
    )
    poll: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(seconds=2), description="How long to wait before looking or sending again."
    )
    timeout: Duration = Field(
        timedelta(minutes=2), description="How long the upload API may be silent."
    )


class Config(SettingsTable):
    """All settings."""

    server: ServerSettings = ServerSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    storage: StorageSettings = StorageSettings()
    stage: StageSettings = StageSettings()
    upload: UploadSettings = UploadSettings()
    log: LogSettings = LogSettings()
    promotion: PromotionSettings = PromotionSettings()


def load_config(
    path: Path | None, environment: Mapping[str, str], **given: Mapping[str, Any]
) -> Config:
    """Return the settings of a file, the environment, and the command line, later ones first.

    *given*: values by section, as options of a command give them; `None` is
    no value. Raise `ConfigError` with every mistake in them.
    """
    document = _read(path) if path else {}
    sections = (_from_environment(environment), given)
    for section, values in (item for source in sections for item in source.items()):
        known = {name: value for name, value in values.items() if value is not None}
        existing = document.setdefault(section, {})
        if isinstance(existing, dict):
            document[section] = {**existing, **known}
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_message(error)) from error
    if config.server.workers != 1:
        msg = "server.workers: this version supports only 1."
        raise ConfigError(msg)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not valid TOML: {error}."
        raise ConfigError(msg) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the values by section. `STAGEPROXY_SERVER`, without a name, is the commands' own."""
    found: dict[str, dict[str, Any]] = {}
    for variable, value in environment.items():
        section, separator, name = variable.removeprefix(_PREFIX).lower().partition("__")
        if variable.startswith(_PREFIX) and separator:
            found.setdefault(section, {})[name] = value
    return found


def _message(error: ValidationError) -> str:
    lines = (
        f"{'.'.join(str(part) for part in problem['loc'])}: {_reason(problem['type'], problem)}"
        for problem in error.errors(include_url=False, include_input=False)
    )
    return "\n".join(lines)


def _reason(kind: str, problem: Mapping[str, Any]) -> str:
    return _REASONS.get(kind) or str(problem["msg"]).removeprefix("Value error, ") + "."


def redacted(config: Config) -> dict[str, dict[str, Any]]:
    """Return the settings as they may be shown: secrets hidden, times as text."""
    document: dict[str, dict[str, Any]] = json.loads(config.model_dump_json())
    return document
