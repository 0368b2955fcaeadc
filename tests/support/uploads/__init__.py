"""The upload API of the fake PyPI, and recorded cases that it is held to."""
