"""Errors as values, for tests that compare what is refused with what is accepted."""

from collections.abc import Callable
from typing import TypeVar

from stageproxy.core.errors import StageproxyError

E = TypeVar("E", bound=Exception)


def find_error(kind: type[E], check: Callable[[], object]) -> E | None:
    """Return the error of a *kind* that *check* raises, or `None` if it raises none."""
    try:
        check()
    except kind as error:
        return error
    return None


def find_refusal(
    check: Callable[..., object], *arguments: object, **options: object
) -> StageproxyError | None:
    """Return the error with which *check* refuses its arguments, or `None` if it accepts them."""
    return find_error(StageproxyError, lambda: check(*arguments, **options))
