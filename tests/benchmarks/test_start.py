"""The starts that are measured."""

import pytest

from benchmarks.parts.start import environment


def test_compiled_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of a checkout are compiled once, whatever is set where the benchmark runs."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    assert "PYTHONDONTWRITEBYTECODE" not in environment()
