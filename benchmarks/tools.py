"""The commands that a run needs."""

import shutil

TOOLS = ("wrk", "nginx")

_PATHS = (None, "/usr/sbin:/usr/local/sbin")


def missing_tools() -> str:
    """Return what to install, or an empty text."""
    missing = [name for name in TOOLS if not any(shutil.which(name, path=one) for one in _PATHS)]
    if not missing:
        return ""
    names = " and ".join(missing)
    return f"{names} cannot be found. On Debian, `apt-get install {' '.join(missing)}` installs it."
