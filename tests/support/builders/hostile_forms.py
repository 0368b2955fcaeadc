"""Forms that keep a processor busy, or fill the memory, although they are small."""

from collections.abc import Mapping

MIB = 2**20


def nested_substitutions(references: int = 60) -> str:
    """Return reStructuredText in which each substitution consists of eight of the one before.

    The last one is as long as docutils allows, and is used many times.
    """
    first = ".. |0| replace:: x"
    others = (
        f".. |{number}| replace:: " + r"\ ".join([f"|{number - 1}|"] * 8) for number in range(1, 5)
    )
    used = r"\ ".join(["|4|"] * references)
    return "\n".join([first, *others, "", used, ""])


def large_table(rows: int = 1600, columns: int = 20) -> str:
    """Return a simple table of reStructuredText."""
    line = " ".join(["==="] * columns)
    return "\n".join([line, *[" ".join(["abc"] * columns)] * rows, line, ""])


def option_list(length: int = 21_800) -> str:
    """Return a list of command line options in reStructuredText."""
    return "\n".join(["-a  x"] * length)


DESCRIPTIONS: Mapping[str, str] = {
    "nested substitutions": nested_substitutions(),
    "a large table": large_table(),
    "a long list of options": option_list(),
}

_EXTRAS = "six[" + ",".join(f"e{number}" for number in range(100_000)) + "]"

METADATA: Mapping[str, tuple[tuple[str, str], ...]] = {
    "a content type with many parameters": (
        ("description_content_type", "text/plain;" + "a=b;" * 200_000),
    ),
    "requirements with many extras": tuple(
        ("requires_dist", f"{_EXTRAS}>={number}") for number in range(8)
    ),
    "addresses with many dots": tuple(
        (f"{role}_email", "a" + ".a" * (MIB // 2 - 10) + "@example.org")
        for role in ("author", "maintainer")
    ),
}

FOLDED = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: a\n" + b" x\n" * 680_000
"""A METADATA file with a value that has many lines."""

DEEP_ATTESTATIONS = "[" * 400_000
