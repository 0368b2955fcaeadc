"""File uploads of PEP 694 on a server with several workers."""

from dataclasses import replace

from tests.support.builders.distributions import a_wheel
from tests.support.clients.pep694 import Pep694Client
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")


async def test_upload_that_another_worker_completes(service: RunningService) -> None:
    """A worker that starts fails no upload that a living one is completing.

    Once it was meant for the uploads of the server before, and failed all of them.
    """
    client = Pep694Client(service)
    upload = await client.sent(await client.session(), WHEEL)
    others = replace(service.parts.leases, holder="another worker")
    async with client.processing(upload) as completing:
        await replace(service.parts.completion, leases=others).recover()
        status = await client.status(upload)

    assert status == "processing"
    assert completing.result().status == 201
    assert [*await others.catalogue.read(lambda rows: rows.leases.list())] == []
