"""The platform tags that PyPI accepts, as of 2026-08-21."""

import re

_LINUX = "x86_64|i686|aarch64|armv7l|ppc64le|s390x"
_MACOS = "ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"

_ACCEPTED = re.compile(
    "|".join(
        (
            "any",
            "win32|win_(amd64|arm64|ia64)",
            "manylinux(1|2010)_(x86_64|i686)",
            f"manylinux2014_({_LINUX}|ppc64)",
            rf"manylinux_\d+_\d+_({_LINUX}|ppc64|riscv64)",
            rf"musllinux_\d+_\d+_({_LINUX}|riscv64)",
            "linux_armv[67]l",
            rf"macosx_(10_\d+|(11|12|13|14|15|26)_0)_({_MACOS})",
            r"android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)",
            # PyPI checks only the start of these.
            r"ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator).*",
            r"pyemscripten_\d+_\d+_wasm32.*",
        )
    ),
    re.ASCII,
)


def is_accepted(platform: str) -> bool:
    """Return whether PyPI accepts wheels with this platform tag, in lower case."""
    return _ACCEPTED.fullmatch(platform) is not None
