"""What a stage consists of, as one digest."""

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.stage.manifest import manifest, manifest_digest
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import an_artifact

SDIST = an_artifact("demo-2.0.tar.gz", content="the sdist")
WHEEL = an_artifact("demo-2.0-py3-none-any.whl", content="the wheel")
PRINTED = """\
4621cb6e5453e192dd3fb7c1c105edb194f736175179db4b13734cd727246ada  demo-2.0-py3-none-any.whl
d475c10e0d3ed2280dd9dc55e333392329d9bede9a442dc0cf583f9da0b3ec85  demo-2.0.tar.gz
"""


def test_a_manifest_is_what_sha256sum_prints() -> None:
    """A release manager can check it with a tool that everybody has: `sha256sum * | sort`."""
    assert manifest([SDIST, WHEEL]) == PRINTED


@given(st.permutations([SDIST, WHEEL, an_artifact("demo-2.0-cp311-cp311-win32.whl")]))
def test_a_manifest_has_one_order(artifacts: Sequence[Artifact]) -> None:
    """For any order of uploads, the same files have the same manifest."""
    assert manifest(artifacts) == manifest(reversed(artifacts))
    assert manifest(artifacts).splitlines() == sorted(manifest(artifacts).splitlines())


def test_the_digest_is_the_sha256_of_the_text() -> None:
    """The digest can be checked with the same tool."""
    assert manifest_digest([WHEEL, SDIST]) == hashlib.sha256(PRINTED.encode()).hexdigest()


def test_other_bytes_have_another_digest() -> None:
    """The digest stands for the bytes, not for the names."""
    changed = an_artifact(WHEEL.filename, content="another wheel")

    assert manifest_digest([SDIST, changed]) != manifest_digest([SDIST, WHEEL])


def test_no_artifacts_have_an_empty_manifest() -> None:
    """A stage without artifacts consists of nothing."""
    assert manifest([]) == ""
