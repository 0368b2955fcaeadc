"""The impact of a release as a table, and in words."""

from dataclasses import replace

import pytest

from stageproxy.core.review.impact.impact import Change, Choice, Impact, TargetImpact
from stageproxy.core.review.impact.targets import Target
from stageproxy.web.preview.views.matrix import KINDS, Row, matrix_of, target_name, users_get
from tests.support.builders.page_facts import a_large_release

LINUX, MUSL = "manylinux x86_64", "musllinux x86_64"
WHEEL, SDIST, OLD = "demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz", "demo-1.0-py3-none-any.whl"


def a_row(change: Change, after: str = WHEEL, *, target: Target | None = None) -> TargetImpact:
    """Return what changes for a target, by default CPython 3.13 on Linux."""
    version = "2.0" if "2.0" in after else "1.0"
    chosen = Choice(version, after) if after else Choice()
    return TargetImpact(target or Target("cp", "3.13", LINUX), Choice("1.0", OLD), chosen, change)


def test_each_change_has_a_word_and_a_shape_of_its_own() -> None:
    """Nobody needs colors to read the table."""
    assert set(KINDS) == set(Change)
    assert len({one.word for one in KINDS.values()}) == len(Change)
    assert len({one.shape for one in KINDS.values()}) == len(Change)


def test_platforms_are_rows_and_pythons_are_columns() -> None:
    """A place that is no target is empty; CPython is first, then free-threaded ones."""
    free = Target("cpt", "3.14", MUSL)
    rows = (a_row(Change.UPDATED), a_row(Change.SOURCE_BUILD, SDIST, target=free))

    matrix = matrix_of(Impact(rows), "2.0")

    assert matrix.pythons == ("3.13", "3.14t")
    assert matrix.rows == (
        Row("Linux x86_64", (KINDS[Change.UPDATED], None)),
        Row("Linux musl x86_64", (None, KINDS[Change.SOURCE_BUILD])),
    )
    assert [(one.targets, one.example) for one in matrix.loud] == [
        ("3.14t on Linux musl x86_64", f"{OLD} today, {SDIST} afterwards")
    ]


def test_what_is_no_news_is_not_loud() -> None:
    """A Python that an earlier release left behind stays in the table, and is not pointed at."""
    left_behind = replace(a_row(Change.STAYS), today=Choice("0.9", "demo-0.9.tar.gz"))

    matrix = matrix_of(Impact((a_row(Change.UPDATED), left_behind)), "2.0")

    assert matrix.loud == ()
    assert [kind.word for kind, _ in matrix.counts] == ["stays", "updated"]


SENTENCES = {
    "2 of 2 targets get 2.0.": Impact((a_row(Change.UPDATED), a_row(Change.GAINS_WHEEL))),
    "1 of 1 targets get 2.0, 1 of them from source (1 instead of a wheel).": Impact(
        (a_row(Change.SOURCE_BUILD, SDIST),)
    ),
    "1 of 1 targets get 2.0, 1 of them from source.": Impact((a_row(Change.SDIST, SDIST),)),
    "0 of 1 targets get 2.0.": Impact((a_row(Change.STAYS, OLD),)),
    "Installers choose 3.0 unless 2.0 is asked for. Then 1 of 1 targets get it.": Impact(
        (a_row(Change.NOT_CHOSEN),), is_latest=False, newer="3.0"
    ),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_users_get(sentence: str) -> None:
    """A sentence says what users get."""
    assert users_get(SENTENCES[sentence], "2.0") == sentence


def test_names_of_targets() -> None:
    """Targets have the names that people use."""
    assert target_name(Target("pp", "3.11", "win amd64")) == "PyPy 3.11 on Windows amd64"


def test_a_large_release() -> None:
    """What gets lost in sixty wheels is said in words."""
    facts = a_large_release()
    assert facts.review.impact

    matrix = matrix_of(facts.review.impact, "2.4.0")

    assert [one.kind.word for one in matrix.loud] == ["source", "stays"]
    assert matrix.loud[0].targets == "3.11 on Linux musl x86_64, 3.11 on Linux musl aarch64"
