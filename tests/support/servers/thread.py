"""Servers that run in a thread, for tests without an event loop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")

_PATIENCE = 60


@contextmanager
def running_in_thread(opening: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Run *opening* in a thread with an event loop while the block runs, and return its value."""
    opened: list[T] = []
    is_up, may_end = threading.Event(), threading.Event()

    async def look_after() -> None:
        async with opening() as one:
            opened.append(one)
            is_up.set()
            await asyncio.to_thread(may_end.wait)

    thread = threading.Thread(target=lambda: asyncio.run(look_after()))
    thread.start()
    try:
        assert is_up.wait(_PATIENCE)
        yield opened[0]
    finally:
        may_end.set()
        thread.join()
