"""HTTP clients of the index and its upload API."""
