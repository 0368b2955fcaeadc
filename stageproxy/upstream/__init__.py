"""Here is the real PyPI, as a machine we talk to."""
