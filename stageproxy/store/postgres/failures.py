"""What failures of PostgreSQL mean for those whose request fails by them."""

import psycopg
from psycopg import errors

from stageproxy.catalogue import ConstraintError
from stageproxy.core.errors import FailedDatabaseError, LockedDatabaseError, NoRoomError

AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)
"""The failures after which the same transaction is run again, from its beginning."""
_FULL = (errors.DiskFull, errors.OutOfMemory)
_LOCKED = (errors.LockNotAvailable, errors.QueryCanceled)


def meaning_of(error: BaseException) -> Exception | None:
    """Return what a failure means to the services, or `None` for any other error."""
    match error:
        case psycopg.IntegrityError():
            return ConstraintError(str(error))
        case _ if isinstance(error, _FULL):
            return NoRoomError()
        case _ if isinstance(error, _LOCKED):
            return LockedDatabaseError()
        case psycopg.OperationalError() | psycopg.InterfaceError() | psycopg.InternalError():
            return FailedDatabaseError()
        case _:
            return None


def is_lost(error: BaseException, connection: psycopg.Connection[object]) -> bool:
    """Return whether an error means that the connection is gone, and no more.

    One to a server that only reads is closed: another server may be the primary by now.
    """
    if isinstance(error, errors.ReadOnlySqlTransaction):
        connection.close()
        return True
    return isinstance(error, psycopg.OperationalError) and (connection.closed or connection.broken)
