"""The upload API of the fake PyPI, and the recorded cases that it is compared with."""
