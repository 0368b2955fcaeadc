"""Announced digests: which ones count, and whether a file has them."""

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.errors import Problem
from stageproxy.core.stage.digests import problems_with_file, problems_with_hashes

CONTENT = b"a wheel"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ALGORITHMS = sorted(hashlib.algorithms_guaranteed)
WEAK = ["md5", "sha1"]
OF_ANY_LENGTH = ["shake_128", "shake_256"]
SECURE = [one for one in ALGORITHMS if one not in WEAK]
NEED_ONE = Problem("hashes", "At least one secure digest is required, preferably sha256.")


def digest_of(name: str, length: int = 32) -> str:
    """Return the digest of the content in hex.

    *length* is in bytes, for algorithms of variable length.
    """
    digest: Any = hashlib.new(name, CONTENT, usedforsecurity=False)
    return str(digest.hexdigest(length) if name in OF_ANY_LENGTH else digest.hexdigest())


@pytest.mark.parametrize("name", SECURE)
def test_one_secure_digest_is_enough(name: str) -> None:
    """Each secure algorithm of the standard library is accepted on its own."""
    assert problems_with_hashes({name: digest_of(name)}) == []


def test_all_algorithms_are_tested() -> None:
    """The table of algorithms contains both SHAKE and BLAKE."""
    assert {"sha256", "sha512", "sha3_256", "blake2b", "blake2s", *OF_ANY_LENGTH} <= set(SECURE)


@pytest.mark.parametrize("names", [[], ["md5"], ["sha1"], WEAK], ids=str)
def test_weak_digests_are_not_enough(names: list[str]) -> None:
    """An announcement without a secure digest is refused."""
    assert problems_with_hashes({one: digest_of(one) for one in names}) == [NEED_ONE]


@pytest.mark.parametrize("name", WEAK)
def test_weak_digests_are_accepted_beside_secure_ones(name: str) -> None:
    """A weak digest beside a secure one is accepted."""
    assert problems_with_hashes({name: digest_of(name), "sha256": SHA256}) == []


@pytest.mark.parametrize(
    ("name", "digest", "sentence"),
    [
        ("sha256", SHA256[:-2], "The digest has the wrong length for sha256."),
        ("sha256", SHA256 + "00", "The digest has the wrong length for sha256."),
        ("blake2b", "00" * 32, "The digest has the wrong length for blake2b."),
        ("shake_128", "00" * 31, "The digest has the wrong length for shake_128."),
        ("shake_256", "00" * 513, "The digest has the wrong length for shake_256."),
        ("sha256", "", "A digest must consist of hexadecimal digits."),
        ("sha256", SHA256[:-1], "A digest must consist of hexadecimal digits."),
        ("sha256", "g" * 64, "A digest must consist of hexadecimal digits."),
        ("sha256", f" {SHA256[1:-1]} ", "A digest must consist of hexadecimal digits."),
        ("sha256", f"{SHA256}\n", "A digest must consist of hexadecimal digits."),
        ("sha256", "\u0661" * 64, "A digest must consist of hexadecimal digits."),
        (
            "blake2b_256",
            "00" * 32,
            "'blake2b_256' is not a supported hash algorithm.",
        ),
        ("SHA256", SHA256, "'SHA256' is not a supported hash algorithm."),
        ("", SHA256, "'' is not a supported hash algorithm."),
    ],
)
def test_invalid_digest_is_refused(name: str, digest: str, sentence: str) -> None:
    """A digest with an unknown algorithm, or a wrong length or spelling, is refused by its key."""
    assert problems_with_hashes({name: digest}) == [Problem(f"hashes.{name}", sentence)]


@pytest.mark.parametrize("length", [32, 33, 512])
def test_length_of_a_shake_digest(length: int) -> None:
    """A digest of variable length has at least 256 bits, and a maximum."""
    assert problems_with_hashes({"shake_256": digest_of("shake_256", length)}) == []


def test_all_problems_are_reported() -> None:
    """Each invalid digest is named; valid ones are not."""
    hashes = {"sha256": "x", "md5": "y", "sha512": digest_of("sha512")}

    found = [one.source for one in problems_with_hashes(hashes)]

    assert found == ["hashes.sha256", "hashes.md5"]


@pytest.mark.parametrize("name", ALGORITHMS)
@given(announced=st.text(alphabet="0123456789abcdefABCDEF", max_size=140))
def test_any_digest(name: str, announced: str) -> None:
    """For any hexadecimal text of any algorithm, there is a result, independent of case."""
    lower, upper = (problems_with_hashes({name: one}) for one in (announced.lower(), announced))

    assert lower == upper


def test_file_with_the_announced_digests() -> None:
    """A file with the announced digests has no problems, in any spelling of them."""
    found: Mapping[str, str] = {"sha256": SHA256, "md5": digest_of("md5")}

    assert problems_with_file({"sha256": SHA256.upper()}, found, size=7, received=7) == []


def test_file_with_other_digests() -> None:
    """The size and every digest that differ are reported, the size first."""
    announced = {"sha256": "0" * 64, "md5": digest_of("md5"), "sha512": "0" * 128}
    found = {"sha256": SHA256, "md5": digest_of("md5"), "sha512": digest_of("sha512")}

    assert problems_with_file(announced, found, size=8, received=7) == [
        Problem("size", "The file has 7 bytes, but 8 were announced."),
        Problem("hashes.sha256", "The sha256 digest of the file differs from the announced one."),
        Problem("hashes.sha512", "The sha512 digest of the file differs from the announced one."),
    ]
