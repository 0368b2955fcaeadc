"""The report of a try: how it ended, as text, as JSON, and as evidence of the stage."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from rich.text import Text

from stageproxy.cli.client import Client
from stageproxy.cli.output.output import FailedError
from stageproxy.core.review.evidence import clean_line, log_tail
from stageproxy.core.wording import without_controls

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TryReport:
    """What was tried, where, and how it ended. `evidence` is its id, if it was attached."""

    stage: Document = field(repr=False)
    python: str
    implementation: str
    platform: str
    installer: str
    filename: str
    command: str
    exit_code: int
    seconds: float
    output: str = field(repr=False)
    environment: str | None = None
    evidence: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the installation and the command succeeded."""
        return self.exit_code == 0

    def result(self) -> dict[str, Any]:
        """Return what the server stores, without tokens."""
        return {
            "manifest-digest": self.stage["manifest-digest"],
            "python": self.python,
            "implementation": self.implementation,
            "platform": self.platform,
            "installer": self.installer,
            "filename": self.filename,
            "command": clean_line(self.command),
            "exit-code": self.exit_code,
            "seconds": round(self.seconds, 1),
            "log-tail": log_tail(self.output),
        }

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "stage": self.stage["id"],
            "project": self.stage["project"],
            "version": self.stage["version"],
            **self.result(),
            "passed": self.passed,
            "evidence": self.evidence,
            "environment": self.environment,
        }

    def lines(self, name: str) -> Iterator[Text]:
        """Yield the report as text. *name*: the stage as the user names it."""
        release = f"{self.stage['project']} {self.stage['version']}"
        outcome = ("passed", "bold green") if self.passed else ("failed", "bold red")
        where = f" with Python {self.python} on {self.platform}."
        yield Text.assemble(f"\n{release} ", outcome, without_controls(where))
        filename = self.filename or "nothing of the stage"
        yield Text(f"  Installed   {filename} with {self.installer}")
        command = without_controls(clean_line(self.command))
        yield Text(f"  Ran         {command} (exit code {self.exit_code}, {self.seconds:.1f} s)")
        if self.environment:
            yield Text(f"  Environment {self.environment}")
        yield Text(f"  Evidence    {self._where_attached()}")
        yield Text(f"\nSee what else a reviewer has to know:\n  stageproxy review {name}")

    def _where_attached(self) -> str:
        if self.evidence:
            return f"attached to manifest {self.stage['manifest-digest'][:12]}…"
        return "not attached: that needs an upload token of the project, with --token"


async def attach(client: Client, report: TryReport) -> str:
    """Attach a report to the stage, and return the id of the evidence. Raise if it is refused."""
    path = f"api/stages/{report.stage['id']}/evidence"
    status, text = await client.request_text("POST", path, report.result())
    if status != HTTPStatus.CREATED:
        reason = client.failure(status, text).format_message()
        raise FailedError(f"The result was not attached to the stage. {reason}")
    return str(json.loads(text)["id"])
