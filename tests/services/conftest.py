"""Fixtures: a staged release of two wheels and an sdist that can be published."""

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.promotion.fake_deployment import FakeDeployment


@pytest.fixture
def wheels() -> list[Distribution]:
    """Return the staged wheels in the order of promotion."""
    linux = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    return [linux, a_wheel(version="2.0")]


@pytest.fixture
def sdist() -> Distribution:
    """Return the staged sdist."""
    return an_sdist(version="2.0")


@pytest.fixture
async def deployment(wheels: list[Distribution], sdist: Distribution) -> FakeDeployment:
    """Return a staged release and an empty index."""
    deployment = FakeDeployment()
    await deployment.stage(*wheels, sdist)
    return deployment
