"""Files that Python runs whenever it starts: `.pth` files, sitecustomize and usercustomize."""

from collections.abc import Iterator

from stageproxy.core.review.contents.examination import LONGEST_TEXT
from stageproxy.core.review.contents.modules import IMPORT_LINE
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.summary import MemberKind, MemberSummary
from stageproxy.core.review.supply_chain.pair import Pair, installed_path

_CUSTOMIZE = ("sitecustomize", "usercustomize")
_RUNS = "It runs in every Python process of the environment, whether the project is used or not."


def startup_findings(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield a finding on each such file that is new or has changed."""
    for member in filter(pair.is_new, pair.after.members):
        path = installed_path(member.path)
        if path.endswith(".pth") and "/" not in path:
            yield _pth(pair, member)
        elif _name_of(path) in _CUSTOMIZE and member.kind is not MemberKind.TEXT:
            yield pair.loud(
                "startup-module",
                f"The release {pair.adds} {member.path}, which Python imports at every start.",
                f"{_RUNS} Publish it only if that is what the release is for.",
                member.path,
            )


def _name_of(path: str) -> str:
    """Return the name by which Python imports a file or a package at the top."""
    return path.partition("/")[0].partition(".")[0]


def _pth(pair: Pair, member: MemberSummary) -> ReviewFinding:
    line = dict(member.signs).get(IMPORT_LINE)
    if line is None and member.kind is MemberKind.TEXT and member.size <= LONGEST_TEXT:
        return pair.note(
            "pth-file",
            f"The release {pair.adds} {member.path}, whose lines Python adds to sys.path.",
            place=member.path,
        )
    return pair.loud(
        "pth-code",
        f"The release {pair.adds} {member.path} with a line of code that Python runs at every "
        "start.",
        f"{_RUNS} Publish it only if you know what the line does and why it has to be there.",
        f"{member.path}:{line or 1}",
    )
