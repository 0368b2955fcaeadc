"""Messages while a stage is published."""

import pytest

from stageproxy.cli.promote.progress import promotion_progress
from stageproxy.cli.promote.texts import print_who_publishes


def test_refused_in_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    """After a refusal in doubt, the command says that it checks the earlier attempt."""
    file = {"size": 1, "sent": 0, "progress": "refused"}

    with promotion_progress(hidden=False) as progress:
        progress.show({"demo": {**file, "in-doubt": True}})
        progress.show({"demo": {**file, "in-doubt": False}})

    assert capsys.readouterr().out.splitlines() == [
        "demo was refused; checking whether an earlier attempt was accepted.",
        "demo was refused.",
    ]


@pytest.mark.parametrize(
    ("status", "publisher", "message"),
    [
        ("published", "client", ""),
        (
            "processing",
            "server",
            "The stage is already being published. This command follows it.\n",
        ),
        (
            "processing",
            "client",
            (
                "The stage is being published from another machine. This command follows it. If "
                "that machine stops reporting, publishing stops at 2026-11-22T12:15:00Z. Then run "
                "`stageproxy promote STAGE` again.\n"
            ),
        ),
    ],
)
def test_who_publishes(
    capsys: pytest.CaptureFixture[str], status: str, publisher: str, message: str
) -> None:
    """A second command says that it follows, and how long it waits for another machine."""
    until = "2026-11-22T12:15:00.123456Z"

    print_who_publishes({"status": status, "publisher": publisher, "leased-until": until})

    assert capsys.readouterr() == ("", message)
