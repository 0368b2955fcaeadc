"""Rights at the desk: every page with every kind of API token, against one table."""

from typing import Any

from stageproxy.web.routes import ROUTES
from tests.support.clients.desk_client import DeskClient, signed_in
from tests.support.servers.service import RunningService
from tests.web.conftest import WHEEL

ORDERS = {
    "upload": {"can": "upload", "project": "demo"},
    "upload, other project": {"can": "upload", "project": "other"},
    "manage": {"can": "manage", "project": "demo"},
    "manage, other version": {"can": "manage", "project": "demo", "version": "9.9"},
    "admin": {"can": "admin", "project": "*"},
}
DECIDING = "403 403 200 403 200"
ADMIN = "403 403 403 403 200"
# stranger | upload | upload, other project | manage | manage, other version | admin
EXPECTED = {
    "/desk/sign-in": "200 303 303 303 303 303",
    "/desk/tokens": f"303 {ADMIN}",
    "/desk/tokens/{id}/revoke": f"303 {ADMIN}",
    "/desk/audit": f"303 {ADMIN}",
    "/desk/stages/{id}": "303 200 403 200 403 200",
    "/desk/stages/{id}/audit": f"303 {DECIDING}",
    "/desk/stages/{id}/progress": "303 404 403 404 403 404",
    "/desk/stages/{id}/publish": f"303 {DECIDING}",
    "/desk/stages/{id}/stop": f"303 {DECIDING.replace('200', '409')}",
    "/desk/stages/{id}/give-up": f"303 {DECIDING.replace('200', '409')}",
    "/desk/stages/{id}/extend": f"303 {DECIDING}",
    "/desk/stages/{id}/rotate": f"303 {DECIDING}",
    "/desk/stages/{id}/cancel": f"303 {DECIDING}",
    "/desk/stages/{id}/files/{filename}/remove": "303 200 403 200 403 200",
}


def test_every_page_is_in_the_table() -> None:
    """A new page of the desk is a decision: who may see it is listed here."""
    pages = {one.path for one in ROUTES if one.method == "GET" and one.path.startswith("/desk/")}

    assert pages == set(EXPECTED)


async def test_rights(service: RunningService, stage: Any) -> None:
    """Each kind of token opens the pages in the table, and no others."""
    tokens = [await service.token(**order) for order in ORDERS.values()]
    browsers = [DeskClient(service), *[await signed_in(service, one) for one in tokens]]
    token_id = (await service.api("GET", "tokens")).document["tokens"][0]["id"]

    found = {}
    for page in EXPECTED:
        of_what = token_id if "tokens" in page else stage["id"]
        path = page.replace("{id}", of_what).replace("{filename}", WHEEL.filename)
        found[page] = " ".join([str((await one.get(path)).status) for one in browsers])

    assert found == EXPECTED
