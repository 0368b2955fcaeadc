"""PyPI's rules on uploads."""
