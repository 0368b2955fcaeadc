"""Secrets that the release would make public."""

from collections.abc import Iterator

from stageproxy.core.review.contents.secrets import KINDS
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.supply_chain.pair import Pair, is_for_tests

_ADVICE = (
    "If it is real, revoke it now: it has already been uploaded. Then build the release again "
    "without it."
)


def secret_findings(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield a finding on each secret that the last release did not have in that file."""
    for member in pair.after.members:
        before = pair.members_before.get(member.path)
        known = set() if before is None else {kind for kind, _ in before.signs}
        for kind, line in member.signs:
            if kind in KINDS and kind not in known:
                make = pair.note if is_for_tests(member.path) else pair.loud
                message = f"{member.path} has what looks like a secret: {kind}."
                yield make("secret", message, _ADVICE, f"{member.path}:{line}")
