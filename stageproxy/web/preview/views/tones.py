"""Tones: the classes and shapes that go with a word. The word alone has the meaning."""

from enum import StrEnum


class Tone(StrEnum):
    """The class of a word that is good, needs a decision, is bad, or is good to know."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    INFO = "info"
    PLAIN = ""


class Shape(StrEnum):
    """A shape in front of a word: the id of a symbol in `preview/pages/shapes.html`."""

    DOT = "dot"
    RING = "ring"
    CROSS = "cross"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"
    PLUS = "plus"
    UP = "up"
    DOWN = "down"
    LINE = "line"
    SQUARE = "square"
