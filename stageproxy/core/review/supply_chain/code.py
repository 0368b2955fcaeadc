"""Code that hides what it does, and what the code of a module can newly do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stageproxy.core.review.contents.capabilities import Capability
from stageproxy.core.review.contents.decoding import DECODED_CODE, DECODED_COMMAND, FETCHED_CODE
from stageproxy.core.review.contents.hidden_text import (
    BIDIRECTIONAL,
    FAR_CODE,
    HIDDEN_DATA,
    INVISIBLE,
    ODD_ENCODING,
)
from stageproxy.core.review.contents.literals import ENCODED_DATA
from stageproxy.core.review.contents.modules import DECODES
from stageproxy.core.review.delta.delta import CapabilityDelta
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.summary import ArchiveSummary, ModuleSummary
from stageproxy.core.review.supply_chain.pair import Pair, is_for_tests, pair_of
from stageproxy.core.rules.findings import Level
from stageproxy.core.wording import first_few

MOST_MODULES = 300
"""How many modules with other capabilities are listed for an artifact."""

_MOST_NAMED = 3
_STRONG = frozenset(
    {Capability.NETWORK, Capability.PROCESS, Capability.CODE, Capability.NATIVE},
)


@dataclass(frozen=True, slots=True)
class _Threat:
    """Something that hides code. It is loud alone, or together with others or a capability."""

    code: str
    sentence: str
    with_threats: frozenset[str] = frozenset()
    with_capability: bool = False


_THREATS: Mapping[str, _Threat] = {
    DECODED_CODE: _Threat("decoded-code", "{path} decodes data and runs it as code."),
    DECODED_COMMAND: _Threat("decoded-command", "{path} decodes data and runs it as a command."),
    FETCHED_CODE: _Threat("fetched-code", "{path} runs code that it gets from the network."),
    HIDDEN_DATA: _Threat("hidden-data", "{path} has many invisible characters in a row."),
    BIDIRECTIONAL: _Threat(
        "bidirectional-characters",
        "{path} has characters that change the direction of text: it reads other than it runs.",
    ),
    ODD_ENCODING: _Threat(
        "odd-encoding", "{path} declares an encoding in which code reads other than it runs."
    ),
    INVISIBLE: _Threat(
        "invisible-characters",
        "{path} has invisible characters, and {can}.",
        with_capability=True,
    ),
    FAR_CODE: _Threat(
        "far-code", "{path} has code behind a wide gap, and {can}.", with_capability=True
    ),
    ENCODED_DATA: _Threat(
        "encoded-data",
        "{path} has a long literal of encoded data, decodes data, and {can}.",
        frozenset({DECODES}),
        with_capability=True,
    ),
}
_ADVICE = (
    "Read it, and find out why it is written this way. Publish it only if you know what it does."
)
_CAN: Mapping[str, str] = {
    Capability.NETWORK: "uses the network",
    Capability.PROCESS: "starts programs",
    Capability.CODE: "runs code that it makes or finds",
    Capability.NATIVE: "calls compiled libraries",
}


def code_findings(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield findings on modules that hide what they do, if they did not before."""
    for module in pair.after.modules:
        before = pair.modules_before.get(module.path, ModuleSummary(module.path))
        known = {name for name, _, _ in _loud_threats(before)}
        for name, threat, line in _loud_threats(module):
            if name not in known:
                yield _finding(pair, module, threat, line)
    yield from _not_read(pair)


def capability_deltas(
    before: ArchiveSummary | None, after: ArchiveSummary
) -> tuple[CapabilityDelta, ...]:
    """Return what modules can do before and after, where that differs. Tests do not count."""
    pair = pair_of(before, after)
    found = (_capability_delta(pair, one) for one in after.modules if not is_for_tests(one.path))
    return tuple(one for one in found if one is not None)[:MOST_MODULES]


def _capability_delta(pair: Pair, module: ModuleSummary) -> CapabilityDelta | None:
    known = pair.modules_before.get(module.path, ModuleSummary(module.path))
    before, after = dict(known.capabilities), dict(module.capabilities)
    if before.keys() == after.keys() or module.not_read or known.not_read:
        return None
    places = [f"{module.path}:{line}" for name, line in after.items() if name not in before]
    return CapabilityDelta(module.path, tuple(before), tuple(after), tuple(places))


def _loud_threats(module: ModuleSummary) -> Iterator[tuple[str, _Threat, int]]:
    threats = dict(module.threats)
    can_something = bool(_STRONG & dict(module.capabilities).keys())
    for name, line in threats.items():
        threat = _THREATS.get(name)
        if threat is None or not threat.with_threats <= threats.keys():
            continue
        if can_something or not threat.with_capability:
            yield name, threat, line


def _finding(pair: Pair, module: ModuleSummary, threat: _Threat, line: int) -> ReviewFinding:
    can = " and ".join(_CAN[name] for name, _ in module.capabilities if name in _CAN)
    message = threat.sentence.format(path=module.path, can=can)
    is_shipped = pair.is_wheel or not is_for_tests(module.path)
    make = pair.loud if is_shipped else pair.note
    return make(threat.code, message, _ADVICE, f"{module.path}:{line}")


def _not_read(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield one finding on the modules that could not be analysed, and could be before."""
    known = {path for path, one in pair.modules_before.items() if one.not_read}
    found = [
        one
        for one in pair.after.modules
        if one.not_read and one.path not in known and not is_for_tests(one.path)
    ]
    if found:
        named = first_few([f"{one.path} ({one.not_read})" for one in found], _MOST_NAMED)
        yield pair.finding(
            Level.UNKNOWN,
            "module-not-read",
            f"What this code can do is not known: {named}.",
            place=found[0].path,
        )
