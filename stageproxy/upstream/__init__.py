"""The real index: its documents, its files and its upload API."""
