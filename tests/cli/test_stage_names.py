"""The stage that a release names."""

from typing import Any

import pytest

from stageproxy.cli.stage_names import NotUniqueError, find_stage, project_of


def listed(stage_id: str, version: str | None = "1.0", status: str = "open") -> dict[str, Any]:
    """Return a stage of `demo` as the server lists it."""
    return {"id": stage_id, "project": "demo", "version": version, "status": status, "links": {}}


@pytest.mark.parametrize(
    ("release", "stages", "found"),
    [
        ("demo", [listed("a")], "a"),
        ("demo", [listed("a", None)], "a"),
        ("demo", [listed("b", "2.0", "canceled"), listed("a", "1.0", "error")], "a"),
        ("demo", [listed("b", "2.0", "canceled"), listed("a", "1.0", "published")], "a"),
        ("demo", [listed("a", "1.0", "canceled")], "a"),
        ("demo==1.0.0", [listed("b", "2.0"), listed("a", "1.0")], "a"),
        ("demo == 1.0", [listed("b", "2.0"), listed("a", "1.0")], "a"),
        ("demo==1.0", [listed("b", None), listed("a", "1.0")], "a"),
        ("demo==1.0", [listed("a", "1.0"), listed("b", "1.0", "canceled")], "a"),
    ],
    ids=[
        "the only one",
        "without a version",
        "the live one",
        "the published one",
        "the ended one",
        "another spelling",
        "spaces",
        "not one without a version",
        "live before ended",
    ],
)
def test_found(release: str, stages: list[dict[str, Any]], found: str) -> None:
    """A release names its live stage, or else the published one, or else the ended one."""
    assert find_stage(release, stages)["id"] == found


@pytest.mark.parametrize(
    ("release", "stages"),
    [
        ("demo", []),
        ("demo", [listed("a", "1.0"), listed("b", "2.0")]),
        ("demo", [listed("a", "1.0", "canceled"), listed("b", "1.0", "canceled")]),
        ("demo==2.0", [listed("a", "1.0")]),
    ],
    ids=["none", "two live ones", "two ended ones", "another version"],
)
def test_not_unique(release: str, stages: list[dict[str, Any]]) -> None:
    """Where a release names no stage or several, none is guessed."""
    with pytest.raises(NotUniqueError):
        find_stage(release, stages)


def test_long_list() -> None:
    """A long list of candidates is cut."""
    stages = [listed(str(number), f"{number}.0") for number in range(30)]

    with pytest.raises(NotUniqueError) as refused:
        find_stage("demo", stages)

    lines = str(refused.value).splitlines()
    assert (len(lines), lines[-1]) == (22, "  and 10 more")


def test_project() -> None:
    """The project of a release is normalized."""
    assert project_of("Demo.Project==1.0") == "demo-project"
