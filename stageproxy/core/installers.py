"""Which clients install packages: they follow redirects, and check the hashes of what they get."""

_INSTALLERS = frozenset({"pdm", "pip", "pipenv", "poetry", "unearth", "uv"})


def is_installer(user_agent: str) -> bool:
    """Return whether a User-Agent header is that of an installer, such as `pip/26.0 {…}`."""
    name, slash, _ = user_agent.strip().partition("/")
    return bool(slash) and name.lower() in _INSTALLERS
