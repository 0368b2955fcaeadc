"""Why a server cannot use a database, of either kind."""


class UnusableDatabaseError(Exception):
    """No server can use the database; the message says why, and what to do."""


class NewerSchemaError(Exception):
    """The database was written by a newer stageproxy than this one."""
