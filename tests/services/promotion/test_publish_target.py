"""The request to the upload API for a stored artifact."""

from stageproxy.catalogue import Rows
from stageproxy.ports import UploadRequest
from stageproxy.services.promotion.publish_target import StoredUploadRequests
from tests.support.builders.distributions import Distribution, upload_form
from tests.support.promotion.fake_deployment import FakeDeployment


async def test_upload_request(deployment: FakeDeployment, sdist: Distribution) -> None:
    """A request has the form, the path and the digest of an artifact."""
    artifact = (await deployment.now()).find_artifact(sdist.filename)
    assert artifact is not None

    requests = StoredUploadRequests(deployment.catalogue, deployment.files, "s1")
    async with requests.request_for(artifact) as upload_request:
        pass

    path = deployment.files.path(sdist.sha256)
    form = tuple(upload_form(sdist))
    size = len(sdist.content)
    assert upload_request == UploadRequest(sdist.filename, path, size, sdist.sha256, form)


async def test_foreign_attestations_are_not_sent(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """Attestations of others are not sent: PyPI would refuse the file."""
    artifact = (await deployment.now()).find_artifact(sdist.filename)
    assert artifact is not None
    form = (*upload_form(sdist), ("attestations", "[{}]"), ("staged", "true"))

    def attest(rows: Rows) -> None:
        rows.artifacts.save("s1", artifact, form, None)

    await deployment.catalogue.write(attest)
    requests = StoredUploadRequests(deployment.catalogue, deployment.files, "s1")
    async with requests.request_for(artifact) as upload_request:
        pass

    assert upload_request.fields == tuple(upload_form(sdist))
