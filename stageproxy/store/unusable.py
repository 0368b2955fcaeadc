"""Why a server cannot use a database, of either kind, or a bucket."""


class UnusableDatabaseError(Exception):
    """No server can use the database; the message says why, and what to do."""


class UnusableBucketError(Exception):
    """No server can use the bucket with its settings; the message says what to do."""


class NewerSchemaError(Exception):
    """The database was written by a newer stageproxy than this one."""
