"""Filenames that PyPI refuses."""

from collections.abc import Mapping

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.uploads import an_upload, sentences

WHEEL, SDIST = a_wheel(), an_sdist()
CONTROL = (
    "Cannot upload a file with non-printable characters (ordinals 0-31) "
    "or the DEL character (ordinal 127) in the name."
)
EXTENSION = "Invalid file extension: Extension {} is invalid for filetype {}."
LONG_NAME = f"demo-1.0-py3-none-{'.'.join(['manylinux_2_17_x86_64'] * 11)}.whl"

FILES: Mapping[str, tuple[Distribution, str, str]] = {
    "a control character": (WHEEL, "demo-1.0-py3\x01-none-any.whl", CONTROL),
    "a backslash": (
        WHEEL,
        "demo-1.0-py3\\x-none-any.whl",
        r"Cannot upload a file with '/' or '\' in the name.",
    ),
    "another extension": (
        SDIST,
        "demo-1.0.tgz",
        "Invalid file extension: Use .tar.gz, .whl or .zip extension.",
    ),
    "an extension in capitals": (
        WHEEL,
        "demo-1.0-py3-none-any.WHL",
        EXTENSION.format(".WHL", "bdist_wheel"),
    ),
    "a platform of no one": (
        WHEEL,
        "demo-1.0-py3-none-any.Linux_X86_64.whl",
        (
            "Binary wheel 'demo-1.0-py3-none-any.Linux_X86_64.whl' has an unsupported "
            "platform tag 'linux_x86_64'."
        ),
    ),
    "a long name": (WHEEL, LONG_NAME, f"Filename is too long: {LONG_NAME!r}"),
    "a name of no version": (
        SDIST,
        "something.tar.gz",
        "Invalid source distribution filename: something.tar.gz",
    ),
    "a wheel with nothing but a name and a version": (
        WHEEL,
        "demo-1.0.whl",
        "Invalid distribution file. Unable to parse name and version from wheel filename",
    ),
    "a wheel with nothing but a name": (
        WHEEL,
        "demo.whl",
        "Invalid distribution file. Unable to parse name and version from wheel filename",
    ),
    "a wheel without platform tags": (
        WHEEL,
        "demo-1.0-py3.whl",
        "Invalid wheel filename (wrong number of parts): 'demo-1.0-py3'",
    ),
    "an sdist of another version": (
        SDIST,
        "demo-6.6.6.tar.gz",
        "Filename 'demo-6.6.6.tar.gz' is invalid, should be 'demo-1.0.tar.gz'.",
    ),
    "an sdist that is not normalized": (
        SDIST,
        "Demo-1.0.tar.gz",
        "Filename 'Demo-1.0.tar.gz' is invalid, should be 'demo-1.0.tar.gz'.",
    ),
}


@pytest.mark.parametrize(("distribution", "filename", "expected"), FILES.values(), ids=FILES)
def test_changed_filename_is_refused(
    distribution: Distribution, filename: str, expected: str
) -> None:
    """The first problem of a filename is reported in PyPI's words."""
    assert sentences(an_upload(distribution, filename=filename))[0] == expected


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo-1.5-9.tar.gz", "Filename 'demo-1.5-9.tar.gz' is invalid, should be {}."),
        ("demo-1.5.post9.tar.gz", None),
        ("demo-1.5-post9.tar.gz", "Invalid source distribution filename: demo-1.5-post9.tar.gz"),
        ("other-1.5-9.tar.gz", "Start filename for 'demo' with 'demo'."),
    ],
)
def test_post_release_with_a_hyphen(filename: str, expected: str | None) -> None:
    """In the filename of a post-release, the last hyphen may belong to the version, as on PyPI."""
    upload = an_upload(an_sdist(version="1.5.post9"), {"version": "1.5-9"}, filename=filename)

    found = [one for one in sentences(upload) if "ilename" in one]

    assert found == ([expected.format("'demo-1.5.post9.tar.gz'")] if expected else [])


def test_wheel_has_the_normalized_name() -> None:
    """The project in the filename of a wheel must be normalized."""
    wheel = Distribution("demo.pkg-1.0-py3-none-any.whl", a_wheel("demo.pkg").content)

    assert sentences(an_upload(wheel))[1] == (
        "Filename 'demo.pkg-1.0-py3-none-any.whl' should contain the normalized project name "
        "'demo_pkg', not 'demo.pkg'."
    )


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("image/png", ["Invalid distribution file."]),
        ("application/octet-stream", []),
        ("text/plain", []),
        (None, []),
    ],
    ids=str,
)
def test_images_are_refused(content_type: str | None, expected: list[str]) -> None:
    """PyPI uses the media type of the file only to refuse images."""
    assert sentences(an_upload(content_type=content_type)) == expected


def test_filename_with_surrogates_is_refused() -> None:
    """A filename may contain bytes that are not UTF-8. Its length was an internal error once."""
    upload = an_upload(filename="demo-1.0-py3-none-any\udcff.whl")

    assert "unsupported platform tag" in sentences(upload)[0]
