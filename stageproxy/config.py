"""All settings, their defaults and their meaning.

They are read once from a TOML file; `STAGEPROXY_<SECTION>__<NAME>` in the
environment overrides it. Services get single values, which
`server/wiring.py` hands on.
"""

import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from packaging.utils import canonicalize_name
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from stageproxy.core.durations import spell_duration
from stageproxy.setting_types import (
    DatabaseUrl,
    Duration,
    Expects,
    FilesUrl,
    Issuers,
    MinFree,
    Networks,
    OptionalPath,
    Secrets,
    Targets,
    Url,
    WebUrl,
)

_PREFIX = "STAGEPROXY_"
_REASONS = {
    "extra_forbidden": "there is no such setting. Check its spelling.",
    "model_type": "this is a section. Write it as a table.",
}
_MIB = 2**20
_GIB = 2**30


class ConfigError(Exception):
    """The settings are not valid. The message names each problem."""


class SettingsTable(BaseModel):
    """A table of the file. Unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerSettings(SettingsTable):
    """Where the server listens, and its public URL."""

    host: str = "127.0.0.1"
    port: int = Field(8726, ge=0, le=65535)
    public_url: str = Field(
        "", description="URL that users see; by default the address that the server listens on."
    )
    trusted_proxies: Networks = Field((), description="Proxies whose X-Forwarded-For is trusted.")
    max_connections: int = Field(
        0,
        ge=0,
        description="Connections at the same time; 0 is as many as the limit of open files allows, "
        "at most 1024.",
    )
    max_connections_per_address: int = Field(
        256,
        ge=0,
        description="Connections of one address, or requests of one behind a trusted proxy, at "
        "the same time; 0 is no limit.",
    )
    send_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(seconds=60),
        description="How long a client may read nothing of an answer that it is sent.",
    )
    min_send_rate: int = Field(
        1000,
        ge=0,
        description="Lowest rate at which a client may read, in bytes per second over a minute; "
        "0 is no limit.",
    )
    workers: int = Field(
        1, ge=1, le=64, description="Processes that answer requests, each on one processor core."
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="Secret from which stage tokens are derived; by default the file `secret` in "
        "the data directory, which the first start writes. Set it in the environment.",
    )


class UpstreamSettings(SettingsTable):
    """The index on which stages are based."""

    url: Url = Field(
        "", description="Root URL; by default the index that pip on this machine uses."
    )
    simple_url: Url = Field(
        "", description="URL of the project pages, if it is not `simple/` below `url`."
    )
    files_url: str = Field(
        "", description="URL of the file host. If set, redirects may lead only there and to `url`."
    )
    fallback_url: str = Field(
        "",
        description="URL of the index to which upstream redirects for projects that it does not "
        "have.",
    )
    forbidden_means_missing: bool = Field(
        default=False,
        description="Whether upstream answers 403 for projects that it does not have.",
    )
    private: bool = Field(
        default=False,
        description="Whether only the server can reach upstream: absolute links to it then lead "
        "below the stage.",
    )
    connect_timeout: Duration = timedelta(seconds=5)
    read_timeout: Duration = timedelta(seconds=15)
    total_timeout: Duration = Field(
        timedelta(seconds=60), description="For a whole page; files may take longer."
    )
    files_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(hours=1), description="For a whole file, or another response that is passed on."
    )
    min_rate: int = Field(
        1000,
        ge=0,
        description="Lowest rate of a file, in bytes per second over a minute; 0 is no limit.",
    )
    max_streams: int = Field(
        128, ge=1, description="Files and other responses that are passed on at the same time."
    )
    max_streams_per_stage: int = Field(
        32, ge=1, description="Of these, how many are for readers of one stage."
    )
    max_streams_per_address: int = Field(
        64, ge=1, description="Of these, how many are for one client address."
    )
    fresh_for: Annotated[Duration, Field(le=timedelta(seconds=60))] = Field(
        timedelta(seconds=5),
        description="How long a page is used without a new request; at most 60s.",
    )
    stale_for: Duration = Field(
        timedelta(hours=24),
        description="How old a page may be that is shown while upstream fails; 0 is never.",
    )
    cache_size: int = Field(256 * _MIB, ge=0, description="Memory for cached pages, in bytes.")
    max_page_size: int = Field(64 * _MIB, description="Largest decompressed page, in bytes.")


class StorageSettings(SettingsTable):
    """Where stages are stored."""

    data: Path = Path("stageproxy-data")
    min_free: MinFree = Field(
        None,
        description="Bytes of the disk that uploads leave free; 0 is no limit. `auto`: a "
        "twentieth, but at least 512 MiB, at most 2 GiB, and on small disks at most a tenth.",
    )
    reserve: int = Field(
        8 * _MIB,
        ge=0,
        description="Size of the file that is given up for the database when the disk is full.",
    )
    copy_before_migration: bool = True
    database: DatabaseUrl = Field(
        "",
        description="URL of a PostgreSQL database; by default a SQLite file in the data directory.",
    )
    files: FilesUrl = Field(
        "",
        description="Bucket of an S3-compatible store, with a prefix; by default a folder in the "
        "data directory.",
    )


class PostgresSettings(SettingsTable):
    """How a PostgreSQL database is used, if `storage.database` names one."""

    max_connections: int = Field(
        10, ge=3, le=100, description="Connections of each process to the database."
    )
    timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(seconds=10),
        description="How long a transaction waits for a connection, for the one before it, or for "
        "a database that restarts.",
    )
    lease: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=15))] = Field(
        timedelta(seconds=30),
        description="How long what a server was doing is left to it after its last sign of life.",
        validate_default=True,
    )

    @field_validator("lease")
    @classmethod
    def _outlasts_failures(cls, lease: timedelta, info: ValidationInfo) -> timedelta:
        """Refuse a lease that can lapse before its holder knows that it cannot be renewed."""
        shortest = 3 * info.data.get("timeout", timedelta(0))
        if lease < shortest:
            msg = (
                f"a lease has to last at least three times postgres.timeout: "
                f"{spell_duration(shortest)}"
            )
            raise ValueError(msg)
        return lease


class S3Settings(SettingsTable):
    """How an S3-compatible store is reached, if `storage.files` names one."""

    endpoint: WebUrl = Field("", description="URL of the store; by default that of AWS.")
    region: str = Field("", description="Region; by default AWS_REGION, or us-east-1.")
    path_style: bool = Field(
        default=True, description="Whether the bucket is in the path of URLs, not in their host."
    )
    access_key_id: str = Field(
        "", description="Access key; by default what the AWS variables or the machine provide."
    )
    secret_access_key: SecretStr = Field(
        SecretStr(""), description="Secret of the access key. Set it in the environment."
    )
    timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(seconds=30), description="How long to wait for an answer of the store."
    )
    redirect: bool = Field(
        default=False,
        description="Whether installers are redirected to the store for the bytes of files.",
    )
    signed_for: Annotated[Duration, Field(ge=timedelta(seconds=10), le=timedelta(hours=1))] = Field(
        timedelta(minutes=5), description="How long such a redirect can be followed."
    )


class StageSettings(SettingsTable):
    """How long a stage lives, and how many a project may have."""

    lifetime: Duration = Field(
        timedelta(days=7), description="How long after the last change a stage expires."
    )
    max_lifetime: Duration = Field(
        timedelta(days=30),
        description="How long after its opening a stage expires, even if extended.",
    )
    min_lifetime: Duration = Field(
        timedelta(seconds=2),
        description="The shortest lifetime that can be requested; `lifetime` may be shorter.",
    )
    max_per_project: int = Field(20, ge=1, description="Live stages of a project at the same time.")
    empty_lifetime: Duration = Field(
        timedelta(hours=1),
        description="How old a stage without files has to be to end when its project has no room "
        "for another stage.",
    )
    retention: Duration = Field(
        timedelta(days=30), description="How long an ended stage reports how it ended."
    )


class LimitSettings(SettingsTable):
    """How much may be stored, and how often something may be done. 0 is no limit."""

    total_bytes: int = Field(
        0, ge=0, description="Bytes of everything that is stored, and of what was announced."
    )
    project_bytes: int = Field(
        50 * _GIB, ge=0, description="Bytes of the live stages of a project."
    )
    token_bytes: int = Field(
        100 * _GIB, ge=0, description="Bytes of what an API token has uploaded to live stages."
    )
    stage_files: int = Field(1000, ge=0, description="Files of a stage.")
    stage_uploads: int = Field(
        200, ge=0, description="Unfinished file uploads (PEP 694) of a stage."
    )
    token_uploads: int = Field(
        1000, ge=0, description="Unfinished file uploads that an API token has announced."
    )
    openings_per_hour: int = Field(
        1000, ge=0, description="Stages of a project that an API token can open within an hour."
    )
    changes_per_hour: int = Field(
        20_000,
        ge=0,
        description="Uploads and other changes that an API token can try within an hour.",
    )
    refusals_per_hour: int = Field(
        600,
        ge=0,
        description="Refusals of an API token that the audit trail records within an hour.",
    )


class UploadSettings(SettingsTable):
    """Which uploads are accepted."""

    max_file_size: int = Field(
        2048 * _MIB, ge=1, description="Largest file that is accepted, in bytes."
    )
    replace: bool = Field(default=True, description="Whether a staged file may be replaced.")
    strict: bool = Field(
        default=False, description="Refuse suspicious files even if PyPI would accept them."
    )
    stall_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(seconds=30), description="How long a client may pause in a request body."
    )
    min_rate: int = Field(
        1000,
        ge=0,
        description="Lowest rate of a body, in bytes per second over a minute; 0 is no limit.",
    )
    pep694: bool = Field(
        default=True, description="Serve Upload 2.0, a draft: PEP 694 in its round 4 (2026-07-29)."
    )


class LogSettings(SettingsTable):
    """What the server logs on its standard error stream."""

    format: Literal["text", "json"] = Field(
        "text", description="Format of the log: lines of text, or JSON objects."
    )
    level: Literal["debug", "info", "warning", "error"] = "info"


class PromotionSettings(SettingsTable):
    """Where releases are published, and with which credential."""

    repository_url: WebUrl = Field("", description="Upload API; by default PyPI's.")
    index_url: WebUrl = Field(
        "", description="Simple index that confirms uploads; by default PyPI's."
    )
    username: str = Field("__token__", description="User name to which `token` is the password.")
    token: SecretStr = Field(
        SecretStr(""),
        description="Credential to publish with. Set it in the environment or in `token_file`.",
    )
    token_file: OptionalPath = Field(
        None, description="File with the token, read for each promotion."
    )
    tokens: Secrets = Field(
        default_factory=dict, description="Tokens for single projects, by name."
    )
    parallel: int = Field(4, ge=1, le=32, description="Files sent at the same time.")
    patience: Duration = Field(
        timedelta(minutes=15),
        description="How long the index may take to list a file, and the index or the store of "
        "files to be readable again.",
    )
    poll: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(seconds=2), description="How long to wait before checking or sending again."
    )
    timeout: Duration = Field(
        timedelta(minutes=2), description="How long to wait for an answer of the upload API."
    )
    pep694_needs_digest: bool = Field(
        default=False,
        description="Whether clients that publish by PEP 694 have to send the manifest digest.",
    )


class ReviewSettings(SettingsTable):
    """What the review of a stage looks at."""

    targets: Targets = Field(
        (),
        description="Interpreters on platforms for which the impact is shown; by default 90.",
    )
    background: bool = Field(
        default=True,
        description="Whether contents are compared with those of the last release, and "
        "dependencies are resolved.",
    )
    max_file_size: int = Field(
        256 * _MIB, ge=0, description="Largest published file that is downloaded, in bytes."
    )
    max_download: int = Field(
        2 * _GIB, ge=0, description="Bytes that are downloaded for one review."
    )
    max_size: int = Field(256 * _MIB, ge=0, description="Bytes of all results that are kept.")


class ProjectSettings(SettingsTable):
    """The settings of one project."""

    expects: Expects = Field(
        (), description="Files that each release is expected to have, unless its stage says more."
    )


def _by_normalized_name(projects: Mapping[str, ProjectSettings]) -> dict[str, ProjectSettings]:
    return {canonicalize_name(name): settings for name, settings in projects.items()}


Projects = Annotated[dict[str, ProjectSettings], AfterValidator(_by_normalized_name)]


class DeskSettings(SettingsTable):
    """How long somebody stays signed in at the desk."""

    session_idle: Annotated[Duration, Field(ge=timedelta(minutes=1))] = Field(
        timedelta(hours=12), description="How long a session lasts without being used."
    )
    session_lifetime: Annotated[Duration, Field(ge=timedelta(minutes=1))] = Field(
        timedelta(days=7), description="How long a session lasts in all."
    )


class OidcSettings(SettingsTable):
    """Which CI jobs may get upload tokens for their identities."""

    audience: str = Field(
        "", description="What identities have to be made for; by default server.public_url."
    )
    issuers: Issuers = Field(
        (),
        description="URLs of issuers that trusted publishers may name, besides those of GitHub, "
        "GitLab, Google and ActiveState.",
    )


class Config(SettingsTable):
    """All settings."""

    server: ServerSettings = ServerSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    storage: StorageSettings = StorageSettings()
    postgres: PostgresSettings = PostgresSettings()
    s3: S3Settings = S3Settings()
    stage: StageSettings = StageSettings()
    limits: LimitSettings = LimitSettings()
    upload: UploadSettings = UploadSettings()
    log: LogSettings = LogSettings()
    promotion: PromotionSettings = PromotionSettings()
    desk: DeskSettings = DeskSettings()
    oidc: OidcSettings = OidcSettings()
    review: ReviewSettings = ReviewSettings()
    projects: Projects = Field(default_factory=dict, description="Settings of single projects.")


def load_config(
    path: Path | None, environment: Mapping[str, str], **given: Mapping[str, Any]
) -> Config:
    """Return the settings from a file, the environment and the command line; the last wins.

    *given*: values by section from the options of a command; `None` is no value.
    Raise `ConfigError` with all problems.
    """
    document = _read(path) if path else {}
    sections = (_from_environment(environment), given)
    for section, values in (item for source in sections for item in source.items()):
        known = {name: value for name, value in values.items() if value is not None}
        existing = document.setdefault(section, {})
        if isinstance(existing, dict):
            document[section] = {**existing, **known}
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_message(error)) from error


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
    """Return values by section. `STAGEPROXY_SERVER`, which has no name, is for the commands."""
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


def shown_settings(config: Config) -> dict[str, dict[str, Any]]:
    """Return the settings as JSON values, with secrets hidden and durations as text."""
    document: dict[str, dict[str, Any]] = json.loads(config.model_dump_json())
    return document
