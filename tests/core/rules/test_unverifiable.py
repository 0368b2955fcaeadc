"""Rules whose outcome only PyPI knows."""

from collections.abc import Iterator

import pytest

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import UNKNOWN_RULES, findings_of
from tests.support.builders.uploads import an_upload


def test_attestations_may_be_refused() -> None:
    """PyPI accepts attestations from Trusted Publishers only, and only PyPI can check them."""
    (finding,) = findings_of(an_upload(changes={"attestations": "[{}]"}))

    assert (finding.source, finding.level) == ("attestations", Level.UNKNOWN)


@pytest.mark.parametrize("rule", UNKNOWN_RULES, ids=lambda rule: rule.id)
def test_unknown_rules_apply_to_every_upload(rule: object) -> None:
    """Each of these rules reports an unknown for every upload."""
    (finding,) = list(_check(rule))

    assert finding.level is Level.UNKNOWN
    assert finding.message.startswith("PyPI may still refuse the file: ")


def _check(rule: object) -> Iterator[Finding]:
    return iter(rule.check(an_upload()))  # type: ignore[attr-defined] # a rule
