"""A fake PyPI, for reading."""
