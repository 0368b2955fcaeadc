"""How a command starts."""

import sys

from tests.support.servers.processes import own_environment, run

COUNTED = """
import gc
from stageproxy.cli import main

phases = []
gc.callbacks.append(lambda phase, _: phases.append(phase))
main.commands["serve"].load()
print(len(phases), gc.isenabled(), gc.get_freeze_count() > 100_000)
"""


async def test_no_collections() -> None:
    """While the modules of a command are imported, nothing is looked through for garbage."""
    done = await run(sys.executable, "-c", COUNTED, environment=own_environment())

    assert done.ok().stdout.split() == ["0", "True", "True"]
