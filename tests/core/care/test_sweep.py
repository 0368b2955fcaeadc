"""What a sweep deletes, in all."""

from stageproxy.core.care.sweep import SweepPlan, UnneededFile


def test_size() -> None:
    """The size of a plan is that of all files that it deletes."""
    plan = SweepPlan(unused=[UnneededFile("a", 3)], orphans=[UnneededFile("b", 4)])

    assert (plan.size, [one.name for one in plan.files]) == (7, ["a", "b"])
