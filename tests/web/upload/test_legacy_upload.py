"""The legacy upload API: accepted and refused uploads."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import Part, body_of, changed, twine_form, without
from tests.support.clients.http import Answer
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import PIP, RunningService, basic, prefix_of
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")
WRONG = "0" * 64
WITHOUT_SLASH = (
    "An upload was attempted to /legacy but the expected upload URL is /legacy/ "
    "(with a trailing slash)"
)


@pytest.mark.parametrize("distribution", [WHEEL, an_sdist(version="2.0")], ids=["wheel", "sdist"])
async def test_upload(service: RunningService, distribution: Distribution) -> None:
    """An upload by twine opens a stage, and the answer has its URL."""
    answer = await service.upload(distribution)

    (stage,) = (await service.api("GET", "stages")).document["stages"]
    assert (answer.status, answer.reason) == (200, "OK")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text == (
        f"OK\n{prefix_of(stage)}\n"
        f"pip --isolated install --index-url {prefix_of(stage)}simple/ demo==2.0\n"
    )
    assert list(stage["files"]) == [distribution.filename]


@pytest.mark.parametrize("below", ["", "stage"])
@pytest.mark.parametrize("query", ["", "?:action=file_upload"])
@pytest.mark.parametrize("token", [None, "stgu_unknown"])
async def test_without_slash(
    service: RunningService, below: str, query: str, token: str | None
) -> None:
    """An upload URL without its slash is refused with PyPI's sentence: no uploader redirects."""
    prefix = prefix_of(await service.open_stage()) if below else "/"

    answer = await service.upload(WHEEL, to=f"{prefix}legacy{query}", token=token or "")

    assert (answer.status, answer.reason) == (400, WITHOUT_SLASH)
    assert "Location" not in answer.headers


async def test_upload_to_a_stage(service: RunningService) -> None:
    """A file sent to a stage's own URL is in that stage."""
    stage = await service.open_stage(version="2.0")

    await service.upload(WHEEL, to=prefix_of(stage) + "legacy/")

    shown = (await service.api("GET", f"stages/{stage['id']}")).document
    assert list(shown["files"]) == [WHEEL.filename]


async def test_second_file_joins_the_stage(service: RunningService) -> None:
    """All files of a release are in one stage."""
    first = await service.staged(WHEEL)

    second = await service.staged(an_sdist(version="2.0"))

    assert second["id"] == first["id"]
    assert sorted(second["files"]) == [WHEEL.filename, "demo-2.0.tar.gz"]


@pytest.mark.parametrize(
    "scheme", ["Bearer {}", "bearer {}", "token {}", "Token {}", "Basic"], ids=str
)
async def test_credentials(service: RunningService, scheme: str) -> None:
    """A token is accepted in each way in which uploaders send it."""
    header = basic(service.admin) if scheme == "Basic" else scheme.format(service.admin)

    answer = await service.post(twine_form(WHEEL), Authorization=header)

    assert answer.status == 200


ORDERS: Mapping[str, Callable[[list[Part]], list[Part]]] = {
    "content first": lambda parts: [parts[-1], *parts[:-1]],
    "backwards": lambda parts: parts[::-1],
    "sorted": lambda parts: sorted(parts, key=lambda part: part.name),
    "attestations after content": lambda parts: [*parts, Part("attestations", b"[{}]")],
    "with a signature": lambda parts: [
        *parts,
        Part("gpg_signature", b"-----BEGIN", f"{WHEEL.filename}.asc"),
    ],
    "with unknown fields": lambda parts: [*parts, Part("X-Own", b"1"), Part("md2", b"")],
    "with empty fields, as pdm sends": lambda parts: [
        *[Part(name, b"") for name in ("author", "license", "keywords", "home_page")],
        *parts,
    ],
    "content without a type, as uv sends": lambda parts: changed(
        parts, "content", content_type=None
    ),
    "with both spellings of import names": lambda parts: [
        *changed(parts, "metadata_version", content=b"2.5"),
        Part("import_name", b"demo"),
    ],
}


@pytest.mark.parametrize("order", ORDERS)
async def test_parts_in_any_order(service: RunningService, order: str) -> None:
    """Parts are accepted in any order, also after the file."""
    answer = await service.post(ORDERS[order](twine_form(WHEEL)))

    assert answer.status == 200, answer.text


async def test_fields_after_content_count(service: RunningService) -> None:
    """Fields after the file are checked like those before it."""
    parts = twine_form(WHEEL, sha256_digest=WRONG)

    answer = await service.post([parts[-1], *parts[:-1]])

    assert answer.status == 400


@pytest.mark.parametrize("name", ["sha256_digest", "blake2_256_digest", "md5_digest"])
async def test_every_digest_is_checked(service: RunningService, name: str) -> None:
    """One wrong digest among right ones is refused."""
    length = 32 if name == "md5_digest" else 64

    answer = await service.post(twine_form(WHEEL, **{name: "0" * length}))

    expected = "The digest supplied does not match a digest calculated from the uploaded file."
    assert (answer.status, answer.reason) == (400, expected)


async def test_no_digest(service: RunningService) -> None:
    """A form without any digest is refused."""
    parts = without(twine_form(WHEEL), "sha256_digest", "blake2_256_digest")

    answer = await service.post(parts)

    assert (answer.status, answer.reason) == (400, "Error: Include at least one message digest.")


async def test_old_digest_alone(service: RunningService) -> None:
    """A form with MD5 only is accepted, as PyPI accepts it."""
    parts = without(twine_form(WHEEL), "sha256_digest", "blake2_256_digest")

    answer = await service.post([*parts, Part("md5_digest", WHEEL.md5.encode())])

    assert answer.status == 200


async def test_digests_in_capitals(service: RunningService) -> None:
    """Digests are hexadecimal in either case."""
    answer = await service.post(twine_form(WHEEL, sha256_digest=WHEEL.sha256.upper()))

    assert answer.status == 200


VALUES = {
    "protocol_version": ("2", "Unknown protocol version."),
    "filetype": ("bdist_egg", "Invalid value for filetype. Error: Use a known file type."),
    "pyversion": (
        "",
        (
            "Invalid value for pyversion. Error: Python version is required for binary "
            "distribution uploads."
        ),
    ),
    "metadata_version": ("2.6", "'2.6' is not a valid metadata version."),
    "version": ("dog", "'dog' is invalid for 'version'."),
}


@pytest.mark.parametrize("name", VALUES)
async def test_wrong_field(service: RunningService, name: str) -> None:
    """A field that PyPI refuses is refused in its words, and no stage is opened."""
    value, sentence = VALUES[name]

    answer = await service.post(twine_form(WHEEL, **{name: value}))

    assert (answer.status, answer.reason) == (400, sentence)
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_all_problems_are_reported(service: RunningService) -> None:
    """All problems are in the body, and the first is in the reason phrase."""
    answer = await service.post(twine_form(WHEEL, protocol_version="2", filetype="bdist_egg"))

    assert answer.text.splitlines()[:2] == [
        "Unknown protocol version.",
        "Invalid value for filetype. Error: Use a known file type.",
    ]


REGISTRATION = (
    "Project pre-registration is no longer required or supported, upload your files instead."
)
FORMER = {
    "submit": REGISTRATION,
    "submit_pkg_info": REGISTRATION,
    "doc_upload": "Uploading documentation is no longer supported, we recommend using "
    "https://readthedocs.org/.",
}


@pytest.mark.parametrize("place", ["form", "query"])
@pytest.mark.parametrize(("action", "sentence"), FORMER.items(), ids=FORMER)
async def test_former_actions(
    service: RunningService, action: str, sentence: str, place: str
) -> None:
    """Actions that PyPI has removed are refused as gone, with PyPI's sentences."""
    answer = await post_action(service, action, place)

    assert (answer.status, answer.reason) == (410, sentence)


@pytest.mark.parametrize("place", ["form", "query"])
@pytest.mark.parametrize("action", ["", "dance", "file_upload2"])
async def test_no_such_action(service: RunningService, action: str, place: str) -> None:
    """An upload with an empty or unknown action is not found, as on PyPI."""
    answer = await post_action(service, action, place)

    assert (answer.status, answer.reason[:9]) == (404, "Not Found")
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def post_action(service: RunningService, action: str, place: str) -> Answer:
    """Return the answer to a form with this action, in the form or in the query."""
    parts = without(twine_form(WHEEL), ":action")
    if place == "query":
        return await service.post(parts, to=f"/legacy/?:action={action}")
    return await service.post([*parts, Part(":action", action.encode())])


async def test_no_action(service: RunningService) -> None:
    """A form without an action says so."""
    answer = await service.post(without(twine_form(WHEEL), ":action"))

    assert (answer.status, answer.text) == (
        404,
        "Not Found: the upload has no :action. Use file_upload.",
    )


async def test_action_in_the_query(service: RunningService) -> None:
    """The action may be in the query."""
    parts = without(twine_form(WHEEL), ":action")

    assert (await service.post(parts, to="/legacy/?:action=file_upload")).status == 200


SLASHES = (
    "/demo-2.0.tar.gz",
    "//demo-2.0.tar.gz",
    "./demo-2.0.tar.gz",
    "../demo-2.0.tar.gz",
    "dist/demo-2.0.tar.gz",
    "C:\\dist\\demo-2.0.tar.gz",
    "\\demo-2.0.tar.gz",
    "demo-2.0.tar.gz/",
)


@pytest.mark.parametrize("filename", SLASHES)
@pytest.mark.parametrize("parameter", ['filename="{}"', "filename*=UTF-8''{}"], ids=["plain", "*"])
async def test_slashes_in_a_filename(
    service: RunningService, filename: str, parameter: str
) -> None:
    """A filename counts as it was sent: with a slash or backslash anywhere, it is refused."""
    sdist = an_sdist(version="2.0")
    value = quote(filename, safe="") if "*" in parameter else filename
    sent = body_of(twine_form(sdist)).replace(
        b'filename="demo-2.0.tar.gz"', parameter.format(value).encode()
    )

    answer = await service.post(sent)

    assert (answer.status, answer.reason) == (
        400,
        r"Cannot upload a file with '/' or '\' in the name.",
    )
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_session_as_body(service: RunningService) -> None:
    """`staged=true` changes only the body, which is the session object."""
    answer = await service.post(twine_form(WHEEL, staged="true"))

    assert answer.headers["Content-Type"] == "application/vnd.pypi.upload.v2+json"
    assert answer.document["meta"] == {"api-version": "2.0", "_outcome": "uploaded"}
    assert list(answer.document["files"]) == [WHEEL.filename]


async def test_upstream_is_down(service: RunningService) -> None:
    """A file is accepted while upstream is down, with a notice."""
    service.index.quirks = Quirks(status=503)

    stage = await service.staged(WHEEL)

    assert stage["files"][WHEEL.filename]["notices"] == [
        f"No answer from {service.index_name}: it may already have this file."
    ]


async def test_form_is_not_trusted_over_the_file(service: RunningService) -> None:
    """A file whose own metadata names another project is accepted with a warning."""
    odd = a_wheel(version="2.0", metadata="Metadata-Version: 2.1\nName: evil\nVersion: 2.0\n")

    answer = await service.post(twine_form(odd, name="demo", staged="true"))

    notice, *_ = answer.document["files"][odd.filename]["notices"]
    assert "has Name: 'evil'" in notice


async def test_spelling_of_the_name(service: RunningService) -> None:
    """Every spelling of a project's name is that project."""
    stage = await service.staged(a_wheel("Brand.New"))

    assert stage["project"] == "brand-new"


async def test_upload_shows_at_once(service: RunningService) -> None:
    """A file that was answered with OK is on the page and on the disk."""
    stage = await service.staged(WHEEL)

    page = await service.get(f"{prefix_of(stage)}simple/demo/", PIP)

    stored = stored_file(service.data, WHEEL.sha256)
    assert WHEEL.filename in page.text
    assert stored.read_bytes() == WHEEL.content
    assert stored.stat().st_mode & 0o077 == 0
