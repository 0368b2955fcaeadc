"""Hashes of files in the output of tools and in the logs of CI jobs."""

import pytest

from stageproxy.core.stage.checksums import (
    Checksums,
    Hash,
    checksum_differences,
    parse_checksums,
)

A, B = "a" * 64, "b" * 64
SDIST, WHEEL = "demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"
TIME = "2026-11-30T12:00:00.0000000Z"

ONE_FILE = {
    "sha256sum": f"{A}  {SDIST}",
    "binary": f"{A} *{SDIST}",
    "folder and carriage return": f"{A.upper()}  ./dist/{SDIST}\r",
    "folder of Windows": f"{A} *D:\\a\\demo\\dist\\{SDIST}",
    "escaped name of sha256sum": f"\\{A}  dist\\\\{SDIST}",
    "BSD": f"SHA256 (dist/{SDIST}) = {A}",
    "openssl": f"SHA2-256(dist/{SDIST})= {A}",
    "Get-FileHash": f"SHA256          {A.upper()}       D:\\a\\{SDIST}",
    "comment and repetition": f"# of the build\n\n{A}  {SDIST}\n{A}  again/{SDIST}\n",
    "log of GitHub": f"{TIME} ##[group]Run sha256sum dist/*\n{TIME} {A}  dist/{SDIST}",
    "log of a matrix job": f"build\tsha256sum\t{TIME} {A}  dist/{SDIST}",
    "colors": f"\x1b[36;1m{A}\x1b[0m  \x1b[32mdist/{SDIST}\x1b[0m",
    "marker of Buildkite": f"\x1b_bk;t=1700000000000\x07{A}  dist/{SDIST}",
    "section of GitLab": f"section_start:1560896352:hash\r\x1b[0K{A}  {SDIST}",
    "docker compose": f"build-1  | {A}  {SDIST}",
    "pip hash": f"dist/{SDIST}:\n--hash=sha256:{A}",
    "pip hash in a log": f"{TIME} dist/{SDIST}:\n{TIME} --hash=sha256:{A}",
    "action that publishes": (
        f"{TIME} Showing hash values of files to be uploaded:\n{TIME} dist/{SDIST}\n{TIME} \n"
        f"{TIME} SHA256: {A}\n{TIME} MD5: {'0' * 32}\n{TIME} BLAKE2-256: {B}\n{TIME} "
    ),
    "folder like another hash": f"{A}  /builds/blake3-py/blake3/dist/{SDIST}",
    "relative folder like another hash": f"{A}  sm3/{SDIST}",
    "word that contains another hash": f"{A}  handshake-1/prism3d/{SDIST}",
    "folder of Windows like another hash": f"{A} *D:\\shake256\\{SDIST}",
    "table": f"| `{SDIST}` | `{A}` |",
    "CSV": f"{SDIST},{A}",
    "certutil": f"SHA256 hash of dist\\{SDIST}:\n{A}\nCertUtil: -hashfile completed.",
    "requirement": f"demo @ https://files.example/packages/aa/{SDIST} --hash=sha256:{A}",
    "link": f'<a href="/packages/{SDIST}#sha256={A}">{SDIST}</a>',
    "attestation": f"subject {SDIST}@sha256:{A}",
    "JSON": f'{{"filename": "{SDIST}", "digests": {{"blake2b_256": "{B}", "sha256": "{A}"}}}}',
    "uv": f"DEBUG Hashed dist/{SDIST}: sha256={A}, uploading {SDIST} (1.0KiB)",
    "byte order mark": f"\ufeff{A}  {SDIST}",
    "other kinds of hashes": f"{B}{B}  {SDIST}\nBLAKE2b-256 ({SDIST}) = {B}\n{A}  {SDIST}",
    "other kinds of files": f"{B}  {SDIST}.asc\n{B}  README.md\n{A}  {SDIST}",
}


@pytest.mark.parametrize("text", ONE_FILE.values(), ids=ONE_FILE)
def test_hash_of_a_file(text: str) -> None:
    """The hash of a file is found in the output of a tool and in a log, whatever is around it."""
    found = parse_checksums(text.encode()).hashes

    assert {name: one.sha256 for name, one in found.items()} == {SDIST: A}


def test_quoted_url() -> None:
    """A name is read from a URL as the file is called."""
    line = f"https://files.example/packages/demo-1.0%2Blocal-py3-none-any.whl#sha256={A}"

    assert [*parse_checksums(line.encode()).hashes] == ["demo-1.0+local-py3-none-any.whl"]


def test_hash_of_something_else() -> None:
    """A hash that follows other text belongs to no file."""
    text = f"Successfully built {SDIST}\n{B}\ndist/{SDIST}\nPushed\nsha256:{B}\n{A}  {SDIST}"

    assert parse_checksums(text.encode()).hashes == {SDIST: Hash(A, 6)}


@pytest.mark.parametrize(
    "line",
    [
        f"BLAKE2b256(dist/{SDIST})= {B}",
        f"BLAKE2s256 ({SDIST}) = {B}",
        f"SHA3-256(dist/{SDIST})= {B}",
        f"SHA512/256 ({SDIST}) = {B}",
        f"SHAKE256({SDIST})= {B}",
        f"sm3: {B}  {SDIST}",
        f"--algo=blake3 {B}  dist/{SDIST}",
        f"keccak256 {B}  dist/{SDIST}",
    ],
)
def test_hash_of_another_function(line: str) -> None:
    """A hash that a line names as that of another function is not taken for a SHA-256."""
    assert parse_checksums(f"{A}  {SDIST}\n{line}".encode()).hashes == {SDIST: Hash(A, 1)}


def test_output_of_powershell() -> None:
    """A file that PowerShell wrote, in UTF-16, is read."""
    assert parse_checksums(f"{A}  {SDIST}\r\n".encode("utf-16")).hashes == {SDIST: Hash(A, 1)}


@pytest.mark.parametrize(
    "line",
    [f"{A} {SDIST} {B} {WHEEL}", f'{{"{SDIST}": "{A}", "{WHEEL}": "{B}"}}'],
    ids=["hashes first", "names first"],
)
def test_two_files_on_a_line(line: str) -> None:
    """Hashes and names that alternate on one line belong together in this order."""
    assert parse_checksums(line.encode()).hashes == {SDIST: Hash(A, 1), WHEEL: Hash(B, 1)}


@pytest.mark.parametrize(
    "line",
    [f"{A} {B} {SDIST} {WHEEL}", f"{A} {B} {SDIST}", f"{A} {SDIST} {WHEEL}", f"{A[1:]} {SDIST}"],
    ids=["side by side", "two hashes", "two names", "short hash"],
)
def test_ambiguous_line(line: str) -> None:
    """A line from which nobody can tell which hash a file has is ignored, and remembered."""
    found = parse_checksums(f"{B}  other.zip\n{line}".encode())

    assert found.hashes == {"other.zip": Hash(B, 1)}
    assert found.without[SDIST] == 2


def test_file_with_two_hashes() -> None:
    """Lines that contradict each other are an error that names both."""
    with pytest.raises(ValueError, match=f"Line 3 has the sha256 {B} for {SDIST}, but line 1 has"):
        parse_checksums(f"{A}  {SDIST}\n\n{B}  x/{SDIST}".encode())


@pytest.mark.parametrize("text", ["", "nonsense", f"{A}  README.md", f"{A[1:]}  {SDIST}"])
def test_no_hash_at_all(text: str) -> None:
    """Without any hash of a wheel or an sdist, the error says what a line needs."""
    with pytest.raises(ValueError, match=r"It has no hash of a wheel or an sdist\. Each"):
        parse_checksums(text.encode())


def test_many_times_on_a_line() -> None:
    """A line of many times takes no long time: it took the cube of its length."""
    times = "00:00:00" * 2000

    found = parse_checksums(f"{times} x y\n{times[:900]} x y\n{A}  {SDIST}".encode())

    assert found.hashes == {SDIST: Hash(A, 3)}


def test_long_lines() -> None:
    """Long lines that are no hashes, such as encoded files, take no long time."""
    junk = "a" * 200_000

    found = parse_checksums(f"{junk}\n{junk[:1000]}.whl\n{A}  {SDIST}".encode())

    assert found.hashes == {SDIST: Hash(A, 3)}


def test_nothing_differs() -> None:
    """The same files with the same hashes do not differ."""
    assert [*checksum_differences({SDIST: A}, Checksums({SDIST: Hash(A, 1)}))] == []


def test_other_releases() -> None:
    """Hashes of other projects and versions, as logs have them, make no difference."""
    others = ("idna-3.10-py3-none-any.whl", "demo-0.9.tar.gz")
    hashes = {SDIST: Hash(A, 1), **dict.fromkeys(others, Hash(B, 2))}

    assert [*checksum_differences({SDIST: A}, Checksums(hashes))] == []


@pytest.mark.parametrize("name", [WHEEL, "demo-1.0.0.zip", "demo.whl"])
def test_missing_file(name: str) -> None:
    """A file of the same release, in any spelling of its version, is missing from the stage."""
    hashes = Checksums({SDIST: Hash(A, 1), name: Hash(B, 2)})

    assert [*checksum_differences({SDIST: A}, hashes)] == [
        f"{name} is in line 2 of the hashes, but not in the stage."
    ]


def test_every_difference() -> None:
    """Every file that is missing, additional or different is named, with its line."""
    staged = {"both": A, "more": A, "named": A, "other": A}
    hashes = {"both": Hash(A, 1), "less": Hash(A, 2), "other": Hash(B, 3)}

    less, more, named, other = checksum_differences(staged, Checksums(hashes, {"named": 4}))

    assert less == "less is in line 2 of the hashes, but not in the stage."
    assert more == "more is in the stage, but not in the hashes."
    assert named.startswith("named is in the stage, but not in the hashes. Line 4 names it without")
    assert other == f"other has sha256 {A} in the stage, but {B} in line 3 of the hashes."
