"""What a battery found: its seed, what it counted, and every violation, written as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "batteries"
"""Where the reports are written, one file for each battery."""


@dataclass(frozen=True, slots=True)
class BatteryReport:
    """The result of one run of a battery. A run without violations has passed."""

    battery: str
    seed: int
    counts: Mapping[str, int]
    violations: Sequence[str] = ()

    def save(self) -> None:
        """Write the report, in place of that of the last run."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{self.battery}.json"
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")

    def check(self) -> None:
        """Save the report, and raise if the battery found a violation."""
        self.save()
        shown = "\n".join(self.violations[:20])
        assert not self.violations, f"{self.battery}, seed {self.seed}:\n{shown}"
