"""Rules that are applied to hostile forms, in a process with limits."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stageproxy.core.archives.contents import Contents
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import in_pypi_order, steps_of
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.dependencies import Wanted, Wishes
from stageproxy.ports import Inspector
from stageproxy.store.inspection import Inspection
from stageproxy.store.inspection_process import InspectionLimits
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.hostile_forms import (
    DEEP_ATTESTATIONS,
    DESCRIPTIONS,
    FOLDED,
    METADATA,
)
from tests.support.builders.uploads import an_upload
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.inspection_processes import inspection_processes, stop

ASKER = "token"
PATIENT = InspectionLimits(rule_seconds=60, at_once=1)
LICENSED = a_wheel(extra={"demo-1.0.dist-info/licenses/LICENSE": b"Free."})
SHORT = InspectionLimits(rule_seconds=1, at_once=1)
RST = (("description_content_type", "text/x-rst"),)
METADATA_STEP = "The metadata in the form was not checked here"


@pytest.fixture(scope="module")
def patient() -> Iterator[Inspection]:
    """Return an inspection with much time."""
    with Inspection(PATIENT) as inspection:
        yield inspection


@pytest.fixture(scope="module")
def short() -> Iterator[Inspection]:
    """Return an inspection that gives rules one second."""
    with Inspection(SHORT) as inspection:
        yield inspection


def with_fields(fields: Sequence[tuple[str, str]]) -> Upload:
    """Return an upload with other values of some fields."""
    names = {name for name, _ in fields}
    upload = an_upload()
    kept = tuple(one for one in upload.form if one[0] not in names)
    return replace(upload, form=(*kept, *fields))


async def unchecked(inspection: Inspection, upload: Upload) -> list[str]:
    """Return what was not checked. Nothing is refused, and the next upload is checked again."""
    found = in_pypi_order(await inspection.findings(upload, ASKER))
    next_one = in_pypi_order(await inspection.findings(an_upload(), ASKER))

    assert Level.REFUSE not in {one.level for one in found}
    assert next_one == []
    unknown = [one.message for one in found if one.level is Level.UNKNOWN]
    return [message.partition(": this takes more than ")[0] for message in unknown]


@pytest.mark.parametrize(
    "upload",
    [
        an_upload(),
        an_upload(an_sdist()),
        an_upload(
            changes={"name": "-", "version": "dog", "summary": "a\nb", "attestations": "[1]"}
        ),
        an_upload(changes={"description": ".. nope::", "home_page": "x", "license": "\0é\u2028"}),
        an_upload(filename="nope.txt"),
        an_upload(LICENSED, more=tuple(("license_files", one) for one in ("LICENSE", "NOTICE"))),
        replace(an_upload(), contents=Contents(problems=("Invalid distribution file. X",))),
    ],
    ids=["a wheel", "an sdist", "faults", "more faults", "no filename", "licenses", "no archive"],
)
async def test_same_findings_as_in_process(patient: Inspection, upload: Upload) -> None:
    """A process finds in an upload, and in its form, what the rules find without one."""
    inspectors: Sequence[Inspector] = [patient, InProcessInspector()]

    in_process, on_thread = [
        (await one.findings(upload, ASKER), await one.form_findings(upload.form, ASKER))
        for one in inspectors
    ]

    assert [*map(list, in_process)] == [*map(list, on_thread)]


async def test_other_questions(patient: Inspection) -> None:
    """A process answers all other questions as they are answered without one."""
    wheel = a_wheel(requires_dist=["six>=1", "idna; python_version < '3'"])
    name = an_upload(wheel).name
    assert name is not None
    wishes = Wishes("demo", "", ("six>=1", "demo[x]", "???", "idna; os_name == 'nope'"))
    inspectors: Sequence[Inspector] = [patient, InProcessInspector()]

    first, second = [
        (
            sorted(await one.form_of(wheel.metadata or b"", name, ASKER) or ()),
            await one.attestations_in("[{}, {}]", ASKER),
            await one.wanted_of(wishes, ASKER),
        )
        for one in inspectors
    ]

    assert first == second
    assert first[1:] == (2, Wanted(("six>=1",)))


@pytest.mark.parametrize("case", DESCRIPTIONS)
async def test_hostile_description(short: Inspection, case: str) -> None:
    """A description that takes too long, or too much memory, is not rendered, and not refused.

    602 bytes kept a core of the server busy for minutes once.
    """
    upload = with_fields((("description", DESCRIPTIONS[case]), *RST))

    assert await unchecked(short, upload) == ["The description was not rendered here"]


@pytest.mark.parametrize("case", METADATA)
async def test_hostile_metadata(short: Inspection, case: str) -> None:
    """Fields that take too long are not checked; all other rules before them were applied."""
    found = await unchecked(short, with_fields(METADATA[case]))

    assert found[0] == METADATA_STEP
    assert len(found) == len(steps_of(only_form=False)) - 1


async def test_hostile_metadata_of_a_file(short: Inspection) -> None:
    """A METADATA file that takes too long is not compared with the form."""
    upload = an_upload()
    hostile = replace(upload, contents=replace(upload.contents, core_metadata=FOLDED * 3))

    assert "The form was not compared with the metadata in the file" in await unchecked(
        short, hostile
    )


async def test_findings_are_bounded(patient: Inspection) -> None:
    """However much is wrong with a form, its refusals come back, in bounded number and length."""
    classifiers = [("classifiers", f"Nope :: {number}") for number in range(3000)]
    form = (("name", "demo"), *classifiers, ("home_page", "\1" * 2**20))

    found = await patient.form_findings(form, ASKER)

    assert len([one for one in found if one.source == "classifier"]) > 900
    assert max(len(one.message) for one in found) < 6000
    assert {one.level for one in found} == {Level.REFUSE}


async def test_deep_attestations(patient: Inspection) -> None:
    """Attestations that are nested deeply are none that can be read."""
    upload = an_upload(more=(("attestations", DEEP_ATTESTATIONS),))

    (finding,) = in_pypi_order(await patient.findings(upload, ASKER))

    assert finding.source == "attestations"
    assert await patient.attestations_in(DEEP_ATTESTATIONS, ASKER) == 0


async def test_hostile_questions_of_other_kinds(short: Inspection) -> None:
    """Metadata, and requirements, that take too long are not read at all."""
    name = an_upload().name
    assert name is not None
    markers = " or ".join(f'extra == "e{number}"' for number in range(16))
    texts = tuple(f'six; os_name == "a{number}" and ({markers})' for number in range(4000))

    assert await short.wanted_of(Wishes("demo", "", texts), ASKER) is None
    assert await short.form_of(FOLDED * 6, name, ASKER) is None


async def test_process_of_a_hostile_form_is_gone() -> None:
    """A process that is killed for a limit has ended when the answer is there."""
    others = inspection_processes(os.getpid())
    with Inspection(SHORT) as inspection:
        await inspection.findings(an_upload(), ASKER)
        before = inspection_processes(os.getpid()) - others
        await inspection.form_findings(METADATA["addresses with many dots"], ASKER)
        gone = before - inspection_processes(os.getpid())

    assert len(gone) == 1


async def test_no_rule_could_be_applied(tmp_path: Path) -> None:
    """An upload of which not even the cheap rules were applied is not taken in."""
    others = inspection_processes(os.getpid())
    path, wheel = tmp_path / "wheel", a_wheel()
    path.write_bytes(wheel.content)
    with Inspection(replace(SHORT, rule_seconds=0)) as inspection:
        # This question has a limit of its own, so that there is a process to stop afterwards.
        await inspection.read_contents(path, parse_distribution_name(wheel.filename), ASKER)
        [process] = inspection_processes(os.getpid()) - others
        stop(process)
        found = in_pypi_order(await inspection.findings(an_upload(), ASKER))

    assert found[0] == Finding(
        "content",
        "The upload could not be checked: this takes more than 0 seconds. Upload it again.",
    )
    assert {one.level for one in found[1:]} == {Level.UNKNOWN}


async def test_long_question_that_nobody_reads() -> None:
    """A question that does not fit into a pipe has a time limit, too."""
    with Inspection(replace(SHORT, rule_seconds=0)) as inspection:
        found = await inspection.form_findings((("summary", "x" * 2**21),), ASKER)

    # A fast process may have answered the first step.
    assert any("this takes more than 0 seconds" in one.message for one in found)
