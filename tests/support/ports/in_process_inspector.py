"""An inspector without a process of its own, for thousands of tests."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.metadata import form_of
from stageproxy.core.archives.reader import Contents, read_contents
from stageproxy.core.rules.attestations import FIELD, attestations_in
from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.table import PlacedFinding, form_findings, steps_of
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.dependencies import Wanted, Wishes, wanted_of
from stageproxy.core.values import FormFields
from stageproxy.ports import Inspector
from stageproxy.store.description import render_description


class InProcessInspector:
    """Reads what is sent on a thread of this process; see `ports.Inspector`.

    *asked*: the kinds of questions so far, each with the asker.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._one_at_a_time = Lock()

    async def read_contents(self, path: Path, name: DistributionName, asker: str) -> Contents:
        """Return the contents of the archive at *path*, or its problems."""
        self.asked.append(("archive", asker))
        return await asyncio.to_thread(self._read, path, name)

    async def findings(self, upload: Upload, asker: str) -> Sequence[PlacedFinding]:
        """Return what the rules find that need no index."""
        self.asked.append(("rules", asker))
        return await asyncio.to_thread(self._findings, upload)

    async def form_findings(self, form: FormFields, asker: str) -> Sequence[Finding]:
        """Return what the rules find that need only the form."""
        self.asked.append(("form", asker))
        return form_findings(form)

    async def form_of(
        self, core_metadata: bytes, name: DistributionName, asker: str
    ) -> FormFields | None:
        """Return the form that twine would send, without digests."""
        self.asked.append(("metadata", asker))
        return form_of(core_metadata, name)

    async def attestations_in(self, text: str, asker: str) -> int:
        """Return the number of attestations in a form's field."""
        self.asked.append(("attestations", asker))
        return len(attestations_in(((FIELD, text),)) or [])

    async def wanted_of(self, wishes: Wishes, asker: str) -> Wanted | None:
        """Return the dependencies of a release that count."""
        self.asked.append(("dependencies", asker))
        return wanted_of(wishes)

    async def render(self, text: str, content_type: str, asker: str) -> str | None:
        """Return a description as HTML that can do nothing."""
        self.asked.append(("description", asker))
        return await asyncio.to_thread(self._render, text, content_type)

    def _render(self, text: str, content_type: str) -> str | None:
        with self._one_at_a_time:
            return render_description(text, content_type)

    def _findings(self, upload: Upload) -> Sequence[PlacedFinding]:
        # docutils changes the filters of warnings, which all threads share.
        with self._one_at_a_time:
            return [one for step in steps_of(only_form=False) for one in step.findings(upload)]

    def _read(self, path: Path, name: DistributionName) -> Contents:
        with path.open("rb") as file:
            return read_contents(file, name)


def fits_the_port(inspector: InProcessInspector) -> Inspector:
    """Return the fake as its port, which mypy checks."""
    return inspector
