"""Waiting for servers that other programs are."""

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress


async def listens(process: Process, port: int, *, within: float) -> bool:
    """Wait until a process listens on a port. Return whether it does before it ends."""
    async with asyncio.timeout(within):
        while process.returncode is None:
            with suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return True
            await asyncio.sleep(0.02)
    return False
