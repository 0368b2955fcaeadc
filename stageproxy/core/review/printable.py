"""Text from archives as it can be shown: on one line, visible, and of limited length."""

LONGEST_VALUE = 500
"""How many characters of a value of the metadata are shown."""


def printable(text: str, most: int = LONGEST_VALUE) -> str:
    """Return at most *most* characters of a text, with escapes for what could hide or move others.

    Such are control characters, line ends, and marks that change the direction of text. What was
    cut is said.
    """
    shown = "".join(map(_visible, text[:most]))
    more = len(text) - most
    return f"{shown}… ({more:,} more characters)" if more > 0 else shown


def _visible(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode()
