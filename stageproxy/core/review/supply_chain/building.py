"""What building the sdist newly runs: its setup.py, and a backend of its own."""

from collections.abc import Iterator

from stageproxy.core.review.contents.build_scripts import (
    BACKEND,
    BACKEND_PATH,
    COMMAND,
    DIRECT_REQUIREMENT,
)
from stageproxy.core.review.contents.capabilities import Capability
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.summary import MemberSummary, ModuleSummary
from stageproxy.core.review.supply_chain.pair import Pair

_SETUP, _PYPROJECT = "setup.py", "pyproject.toml"
_WHO = "It runs on the machine of everybody who installs the sdist."
_REACHES = {
    Capability.NETWORK: "uses the network",
    Capability.PROCESS: "starts programs",
    Capability.NATIVE: "calls compiled libraries",
}


def build_findings(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield findings on what building the sdist did not run before."""
    if pair.is_wheel:
        return
    for module in pair.after.modules:
        if module.path == _SETUP:
            yield from _setup(pair, module)
    for member in pair.after.members:
        if member.path == _PYPROJECT:
            yield from _pyproject(pair, member)


def _setup(pair: Pair, module: ModuleSummary) -> Iterator[ReviewFinding]:
    known = dict(pair.modules_before.get(_SETUP, ModuleSummary(_SETUP)).capabilities)
    make = pair.note if pair.before is None else pair.loud
    new = [(name, line) for name, line in module.capabilities if name not in known]
    for name, line in new:
        if name.startswith(COMMAND):
            does = f"has its own command {name.removeprefix(COMMAND)!r}"
        elif name in _REACHES:
            does = _REACHES[Capability(name)]
        else:
            continue
        now = "" if pair.before is None else " now"
        advice = f"{_WHO} Read it, and publish it only if you know what it does."
        yield make("build-code", f"setup.py{now} {does}.", advice, f"{_SETUP}:{line}")


def _pyproject(pair: Pair, member: MemberSummary) -> Iterator[ReviewFinding]:
    before = pair.members_before.get(_PYPROJECT)
    if before is not None and before.sha256 == member.sha256:
        return
    known = set() if before is None else {name for name, _ in before.signs}
    make = pair.note if pair.before is None else pair.loud
    for name in (name for name, _ in member.signs if name not in known):
        if name.startswith(BACKEND_PATH):
            path = name.removeprefix(BACKEND_PATH)
            message = f"The sdist is built by a backend of its own, in {path!r}."
            yield make("own-backend", message, f"{_WHO} Read it.", _PYPROJECT)
        elif name.startswith(DIRECT_REQUIREMENT):
            what = name.removeprefix(DIRECT_REQUIREMENT)
            yield make(
                "direct-build-requirement",
                f"Building the sdist downloads {what} from a URL, not from an index.",
                "Require a release by its name and version instead.",
                _PYPROJECT,
            )
        elif name.startswith(BACKEND) and before is not None:
            backend = name.removeprefix(BACKEND)
            yield pair.note(
                "build-backend", f"The sdist is built by {backend} now.", place=_PYPROJECT
            )
