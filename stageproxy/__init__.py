"""PyPI as if a staged release had already been made."""

__version__ = "0.1.0"
