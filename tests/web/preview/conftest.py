"""What tests of the preview have."""

import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """Return the setting of each kind of database: the state of one is known at once."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("migrated_url"))
