"""How the servers of this package run: without a log, until they are ended."""

import asyncio

from aiohttp import web


async def serve(app: web.Application) -> None:
    """Serve an application on a free port, and print its URL."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)  # noqa: T201 - read by the parent process
    await asyncio.Event().wait()
