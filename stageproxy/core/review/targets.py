"""Targets: the interpreters on platforms for which an installer chooses a file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """An interpreter on a platform.

    `implementation` is `cp`, `cpt` (free-threaded CPython) or `pp`; `python` is its version,
    `3.13`. `platform` is a platform tag without the version of the system, as in
    `wheel_coverage`: `manylinux x86_64`, `musllinux aarch64`, `macosx arm64`, `win amd64`.
    """

    implementation: str
    python: str
    platform: str

    def __str__(self) -> str:
        """Return its name in settings and on the command line: `cp313-manylinux_x86_64`."""
        letters = self.implementation.removesuffix("t")
        suffix = "t" if self.implementation == "cpt" else ""
        number = self.python.replace(".", "")
        return f"{letters}{number}{suffix}-{self.platform.replace(' ', '_')}"
