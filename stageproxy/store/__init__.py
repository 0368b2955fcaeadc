"""Here is what is kept: rows in SQLite, files beside it."""
