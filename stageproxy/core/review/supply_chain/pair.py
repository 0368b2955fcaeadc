"""An artifact beside its counterpart in the last release, and how a finding on it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.summary import ArchiveSummary, MemberSummary, ModuleSummary
from stageproxy.core.rules.findings import Level

_TEST_PARTS = frozenset(
    {"test", "tests", "testing", "testdata", "fixtures", "examples", "docs", "doc"}
)


@dataclass(frozen=True, slots=True)
class Pair:
    """An artifact, and its counterpart by path; nothing is known of that if it has none."""

    after: ArchiveSummary
    members_before: Mapping[str, MemberSummary] = field(default_factory=dict)
    modules_before: Mapping[str, ModuleSummary] = field(default_factory=dict)
    before: ArchiveSummary | None = None

    @property
    def adds(self) -> str:
        """The verb for what only the artifact has: whether that is new may not be known."""
        return "has" if self.before is None else "adds"

    @property
    def is_wheel(self) -> bool:
        """Whether the artifact is a wheel."""
        return self.after.filename.endswith(".whl")

    def is_new(self, member: MemberSummary) -> bool:
        """Return whether a file was not there, or was another one."""
        known = self.members_before.get(member.path)
        return known is None or known.sha256 != member.sha256

    def finding(
        self, level: Level, code: str, message: str, advice: str = "", place: str = ""
    ) -> ReviewFinding:
        """Return a finding on the artifact."""
        files = (self.after.filename,)
        return ReviewFinding(Section.SUPPLY_CHAIN, level, code, message, advice, files, place)

    def loud(self, code: str, message: str, advice: str, place: str = "") -> ReviewFinding:
        """Return a finding that somebody should decide about."""
        return self.finding(Level.WARN, code, message, advice, place)

    def note(self, code: str, message: str, advice: str = "", place: str = "") -> ReviewFinding:
        """Return a finding that is only good to know."""
        return self.finding(Level.NOTE, code, message, advice, place)


def pair_of(before: ArchiveSummary | None, after: ArchiveSummary) -> Pair:
    """Return an artifact beside its counterpart. One that was not read to its end is none."""
    if before is None or before.not_read:
        return Pair(after)
    members = {one.path: one for one in before.members}
    return Pair(after, members, {one.path: one for one in before.modules}, before)


def is_for_tests(path: str) -> bool:
    """Return whether a file is among tests, examples or documentation."""
    parts = path.lower().split("/")
    is_test_file = parts[-1].startswith(("test_", "conftest."))
    return is_test_file or any(
        part in _TEST_PARTS or part.startswith(("test-", "test_")) for part in parts[:-1]
    )


def installed_path(path: str) -> str:
    """Return where a file of a wheel, or of the sources in an sdist, is below site-packages."""
    parts = path.split("/")
    if parts[0].endswith(".data") and parts[1:2] in (["purelib"], ["platlib"]):
        return "/".join(parts[2:])
    if parts[0].endswith(".data") and "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :])
    return "/".join(parts[1:]) if parts[0] == "src" else path
