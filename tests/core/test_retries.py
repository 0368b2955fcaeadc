"""The budget for repeated requests."""

from stageproxy.core.retries import RESERVE, SHARE, RetryBudget


def spent(budget: RetryBudget, requests: int) -> int:
    """Return how many retries so many requests get, each of which wants two."""
    retries = 0
    for _ in range(requests):
        budget.earn()
        retries += budget.spend() + budget.spend()
    return retries


def test_retries_are_a_share_of_all_requests() -> None:
    """However many requests fail, only a tenth of them is repeated, and a small reserve."""
    assert spent(RetryBudget(), 1000) <= 1000 * SHARE + RESERVE


def test_reserve() -> None:
    """Retries of an index that rarely fails are not limited."""
    assert spent(RetryBudget(), int(RESERVE) // 2) == RESERVE


def test_budget_is_earned_again() -> None:
    """Requests earn the reserve again, and no more than that."""
    budget = RetryBudget()
    spent(budget, 100)
    for _ in range(1000):
        budget.earn()

    assert sum(budget.spend() for _ in range(100)) == RESERVE
