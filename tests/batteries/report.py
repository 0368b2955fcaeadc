"""What a battery found: its seed, what it counted, and every violation, written as JSON."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "batteries"
"""Where the reports are written, one file for each battery, and one for each planted defect."""

SEED = int(os.environ.get("BATTERY_SEED") or 20261130)
"""The seed of every battery: `make battery BATTERY_SEED=1` runs other cases."""


@dataclass(frozen=True, slots=True)
class BatteryReport:
    """The result of one run of a battery, which may have parts: `races: changes`.

    A run without violations has passed. *planted* names the defect of a build that the battery
    has to find: such a run has passed if there are violations.
    """

    battery: str
    seed: int
    counts: Mapping[str, int | float]
    violations: Sequence[str] = ()
    planted: str = ""

    @property
    def has_passed(self) -> bool:
        """Return whether the battery found what it should: nothing, or the planted defect."""
        return bool(self.violations) == bool(self.planted)

    def save(self, folder: Path = FOLDER) -> None:
        """Write the report, in place of that of the last run."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.battery} planted {self.planted}" if self.planted else self.battery
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        (folder / f"{name.replace(' ', '-')}.json").write_text(text + "\n")

    def check(self, folder: Path = FOLDER) -> None:
        """Save the report, and raise if the battery has not passed."""
        self.save(folder)
        shown = "\n".join(self.violations[:20])
        not_found = f"It did not find: {self.planted}. It counted {dict(self.counts)}."
        shown_as = f"{self.battery}, seed {self.seed}:\n{not_found if self.planted else shown}"
        assert self.has_passed, shown_as


def saved_reports(folder: Path = FOLDER) -> list[BatteryReport]:
    """Return the reports of the last runs, by the names of their batteries."""
    texts = [path.read_text() for path in sorted(folder.glob("*.json"))]
    return [BatteryReport(**json.loads(text)) for text in texts]
