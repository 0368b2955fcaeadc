"""Failures of task groups."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stageproxy.core.promotion.promotion import LostLeaseError


@asynccontextmanager
async def one_failure() -> AsyncIterator[None]:
    """Raise one failure of an exception group alone, a lost lease first.

    Callers handle single exceptions, not groups.
    """
    try:
        yield
    except ExceptionGroup as group:
        lost, others = group.split(LostLeaseError)
        failure: BaseException = lost or others or group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from group
