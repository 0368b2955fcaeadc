"""What is stored: rows in SQLite, and files."""
