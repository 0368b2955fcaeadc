"""Backups: a copy of the catalogue with every file that it names, and the way back."""
