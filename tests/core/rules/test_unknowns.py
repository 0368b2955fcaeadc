"""Rules whose outcome only PyPI knows."""

from collections.abc import Iterator

import pytest

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import UNKNOWN_RULES, findings_of
from tests.support.builders.uploads import an_upload


def test_attestations_may_be_refused() -> None:
    """PyPI takes them from Trusted Publishers, which nobody else can be."""
    (finding,) = findings_of(an_upload(changes={"attestations": "[{}]"}))

    assert (finding.source, finding.level) == ("attestations", Level.UNKNOWN)


@pytest.mark.parametrize("rule", UNKNOWN_RULES, ids=lambda rule: rule.id)
def test_what_nobody_can_know_is_said(rule: object) -> None:
    """These hold for every upload, and are never more than a may be (1h)."""
    (finding,) = list(_check(rule))

    assert finding.level is Level.UNKNOWN
    assert finding.message.startswith("PyPI may still refuse the file: ")


def _check(rule: object) -> Iterator[Finding]:
    return iter(rule.check(an_upload()))  # type: ignore[attr-defined] # a rule
