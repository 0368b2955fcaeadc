"""Why a PostgreSQL database cannot be used, in sentences without its password."""

from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from stageproxy.store.postgres.migrations import check_applied
from stageproxy.store.unusable import NewerSchemaError, UnusableDatabaseError

_PATIENCE = 5
_TIMES = 5


def find_database_problem(url: str) -> str | None:
    """Return why a server cannot use the database at a URL, or `None`. Nothing is changed."""
    try:
        with psycopg.connect(url, connect_timeout=_PATIENCE) as connection:
            check_encoding(url, connection)
            check_applied(connection)
    except (NewerSchemaError, UnusableDatabaseError) as error:
        return str(error)
    except psycopg.Error as error:
        return opening_problem(url, error)
    return None


def ask_server(url: str) -> tuple[str, float]:
    """Return the version of the database server at a URL, and how many seconds an answer takes."""
    with psycopg.connect(url, connect_timeout=_PATIENCE, autocommit=True) as connection:
        times = []
        for _ in range(_TIMES):
            started = perf_counter()
            connection.execute("SELECT 1")
            times.append(perf_counter() - started)
        return connection.info.parameter_status("server_version") or "", min(times)


def check_encoding(url: str, connection: psycopg.Connection[Any]) -> None:
    """Raise unless a database stores texts in UTF-8, which it cannot change later."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        msg = (
            f"The database {name_of(url)} has the encoding {encoding}, and stageproxy needs UTF-8: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )
        raise UnusableDatabaseError(msg)


def opening_problem(url: str, error: psycopg.Error) -> str:
    """Return which database cannot be used, why, and what to do."""
    name = name_of(url)
    if name is None:
        return (
            "storage.database is not a valid URL. Write special characters of the password as "
            "%40 and so on."
        )
    reason = str(error).strip().partition("\n")[0]
    return f"The database {name} cannot be used: {reason}. Check storage.database."


def name_of(url: str) -> str | None:
    """Return which database a URL names, without user and password; `None` if it is not valid.

    What is not spelled as a URL should be can be a part of the password.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return None
    name, host, port = parts.get("dbname"), parts.get("host"), parts.get("port")
    if "@" in f"{host}{urlsplit(url).path}" or not str(port or 0).isdecimal():
        return None
    return f"{name or 'by default'} on {host or 'this machine'}{f' port {port}' if port else ''}"
