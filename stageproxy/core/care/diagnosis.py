"""What doctor says about a thing: whether it is right, and what to do if it is not."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How well a thing is: right, to be looked at, wrong, or out of reach."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    OUT_OF_REACH = "out-of-reach"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What doctor says about a *topic*. *advice* is empty if nothing is to be done."""

    level: Level
    topic: str
    sentence: str
    advice: str = ""


def ok(topic: str, sentence: str) -> Diagnosis:
    """Return that a thing is right."""
    return Diagnosis(Level.OK, topic, sentence)


def warn(topic: str, sentence: str, advice: str) -> Diagnosis:
    """Return that a thing should be looked at."""
    return Diagnosis(Level.WARNING, topic, sentence, advice)


def problem(topic: str, sentence: str, advice: str) -> Diagnosis:
    """Return that a thing is wrong."""
    return Diagnosis(Level.PROBLEM, topic, sentence, advice)


def out_of_reach(topic: str, sentence: str, advice: str) -> Diagnosis:
    """Return that a server does not answer."""
    return Diagnosis(Level.OUT_OF_REACH, topic, sentence, advice)
