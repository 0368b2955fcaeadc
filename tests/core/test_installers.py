"""Which clients install packages."""

import pytest

from stageproxy.core.installers import is_installer


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ('pip/26.0 {"ci":null,"installer":{"name":"pip"}}', True),
        ("uv/0.9.13", True),
        ("poetry/2.2.1 CPython/3.11.7 Linux/6.1", True),
        ("pdm/2.29.4", True),
        ("Mozilla/5.0 (X11; Linux x86_64) pip/26.0", False),
        ("curl/8.5.0", False),
        ("pipette/1.0", False),
        ("pip", False),
        ("", False),
    ],
)
def test_installers(user_agent: str, *, expected: bool) -> None:
    """A client is an installer by the first product that it names."""
    assert is_installer(user_agent) == expected
