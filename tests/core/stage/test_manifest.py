"""The manifest of a stage, and hashes to compare it with."""

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.stage.manifest import (
    manifest,
    manifest_digest,
)
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import an_artifact

SDIST = an_artifact("demo-2.0.tar.gz", content="the sdist")
WHEEL = an_artifact("demo-2.0-py3-none-any.whl", content="the wheel")
PRINTED = """\
4621cb6e5453e192dd3fb7c1c105edb194f736175179db4b13734cd727246ada  demo-2.0-py3-none-any.whl
d475c10e0d3ed2280dd9dc55e333392329d9bede9a442dc0cf583f9da0b3ec85  demo-2.0.tar.gz
"""


def test_manifest_is_what_sha256sum_prints() -> None:
    """A manifest can be checked with `sha256sum * | sort`."""
    assert manifest([SDIST, WHEEL]) == PRINTED


@given(st.permutations([SDIST, WHEEL, an_artifact("demo-2.0-cp311-cp311-win32.whl")]))
def test_manifest_has_one_order(artifacts: Sequence[Artifact]) -> None:
    """For any order of uploads, the same files have the same manifest."""
    assert manifest(artifacts) == manifest(reversed(artifacts))
    assert manifest(artifacts).splitlines() == sorted(manifest(artifacts).splitlines())


def test_digest_is_the_sha256_of_the_text() -> None:
    """The digest of a manifest can be checked with `sha256sum`."""
    assert manifest_digest([WHEEL, SDIST]) == hashlib.sha256(PRINTED.encode()).hexdigest()


def test_other_bytes_have_another_digest() -> None:
    """Other bytes under the same name have another digest."""
    changed = an_artifact(WHEEL.filename, content="another wheel")

    assert manifest_digest([SDIST, changed]) != manifest_digest([SDIST, WHEEL])


def test_empty_stage_has_an_empty_manifest() -> None:
    """A stage without artifacts has an empty manifest."""
    assert manifest([]) == ""
