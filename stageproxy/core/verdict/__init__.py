"""Here is what PyPI will say to an upload."""
