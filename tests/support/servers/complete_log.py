"""The log of a server process, with the lines of all requests that were answered."""

import secrets

from tests.support.servers.processes import Server
from tests.support.servers.workers import until_logged


async def complete_log(server: Server) -> str:
    """Return the log. Lines of the access log follow their answers, in their order."""
    mark = f"/{secrets.token_hex(4)}"
    await server.ask("GET", mark)
    await until_logged(server, mark)
    return (server.logs / "stderr").read_text()
