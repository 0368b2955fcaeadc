"""What would keep a server from starting or publishing with its settings, before it is started."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.config import Config, PromotionSettings
from stageproxy.server.indexes import upstream_of
from stageproxy.server.run import CannotListenError, bind
from stageproxy.server.storage import find_database_problems, find_files_problems
from stageproxy.store.directory import find_directory_problems, is_in_use
from stageproxy.store.sqlite.database import has_wal_bug
from stageproxy.upstream.pip_index import NoPipIndexError


@dataclass(frozen=True, slots=True)
class SettingsReport:
    """What is wrong with settings, and what should be changed although the server starts."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_settings(config: Config) -> SettingsReport:
    """Return everything that is wrong with settings on this machine. Nothing is changed."""
    data, has_secret = config.storage.data, bool(config.server.secret)
    errors = [
        *_errors_of_urls(config.promotion),
        *_errors_of_token_file(config.promotion.token_file),
        *find_directory_problems(data, needs_secret=not has_secret),
        *find_database_problems(config),
        *find_files_problems(config),
        *_errors_of_address(config),
        *_errors_of_upstream(config),
    ]
    warnings = [
        *_warnings_of_token_file(config.promotion),
        *workers_warnings(
            config.server.workers,
            processors=len(os.sched_getaffinity(0)),
            sqlite=None if config.storage.database else sqlite3.sqlite_version_info,
        ),
    ]
    return SettingsReport(tuple(errors), tuple(warnings))


def workers_warnings(
    workers: int, *, processors: int, sqlite: tuple[int, ...] | None
) -> Iterator[str]:
    """Yield why a number of workers is not what the server will have, or does not help.

    *sqlite*: the version of SQLite, if that is the database.
    """
    if workers > 1 and sqlite is not None and has_wal_bug(sqlite):
        yield (
            f"server.workers: one worker is started, not {workers}, because SQLite "
            f"{'.'.join(map(str, sqlite))} can damage a database that several processes use. "
            "Install pysqlite3 or a newer SQLite."
        )
    elif workers > max(processors, 1):
        yield (
            f"server.workers: {workers} workers share {processors} processor cores. More workers "
            "than cores make nothing faster: set it to the number of cores at most."
        )


def _errors_of_urls(promotion: PromotionSettings) -> Iterator[str]:
    """Yield an error if only one of the two URLs is set: then nothing can be published."""
    urls = {"repository_url": promotion.repository_url, "index_url": promotion.index_url}
    for name, other in (("repository_url", "index_url"), ("index_url", "repository_url")):
        if urls[name] and not urls[other]:
            yield (
                f"promotion.{other}: set it as well. With promotion.{name} alone nothing can be "
                "published."
            )


def _errors_of_token_file(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    try:
        token = path.read_text().strip()
    except OSError as error:
        yield (
            f"promotion.token_file: {path} cannot be read: {error.strerror}. Write the token to "
            "it, readable for the user that runs the server."
        )
    except UnicodeDecodeError:
        yield f"promotion.token_file: {path} is not text. Write nothing but the token to it."
    else:
        if not token or not token.isprintable():
            what = "is empty" if not token else "has more than one line"
            yield f"promotion.token_file: {path} {what}. Write nothing but the token to it."


def _warnings_of_token_file(promotion: PromotionSettings) -> Iterator[str]:
    path = promotion.token_file
    if path is None or not path.is_file():
        return
    if path.stat().st_mode & 0o077:
        yield f"promotion.token_file: {path} is readable by other users. Run `chmod 600 {path}`."
    if promotion.token:
        yield (
            "promotion.token_file: it is not used, because promotion.token is set too. Remove one "
            "of them."
        )


def _errors_of_address(config: Config) -> Iterator[str]:
    """Yield why the server could not listen, unless it is the running server that listens there."""
    try:
        bind(config.server.host, config.server.port).close()
    except CannotListenError as error:
        cause = error.__cause__
        is_taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
        if not (is_taken and is_in_use(config.storage.data)):
            yield f"server.host, server.port: {error}"


def _errors_of_upstream(config: Config) -> Iterator[str]:
    try:
        upstream_of(config)
    except NoPipIndexError as error:
        yield f"upstream.url: {error}"
