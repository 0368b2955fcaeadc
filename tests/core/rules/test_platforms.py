"""Platforms of wheels that PyPI accepts."""

import pytest

from stageproxy.core.rules.platforms import is_accepted

TAKEN = [
    *("any", "win32", "win_amd64", "win_arm64", "win_ia64"),
    *("manylinux1_x86_64", "manylinux1_i686", "manylinux2010_i686", "manylinux2014_x86_64"),
    *("manylinux2014_ppc64", "manylinux2014_ppc64le", "linux_armv6l", "linux_armv7l"),
    *("manylinux_2_12_x86_64", "manylinux_2_17_aarch64", "manylinux_2_39_riscv64"),
    *("musllinux_1_1_x86_64", "musllinux_1_2_riscv64", "macosx_10_13_x86_64", "macosx_10_6_intel"),
    *("macosx_11_0_x86_64", "macosx_10_15_arm64", "macosx_26_0_arm64", "macosx_15_0_universal2"),
    *("ios_13_0_arm64_iphoneos", "ios_15_4_x86_64_iphonesimulator", "android_27_x86_64"),
    *("pyemscripten_2026_0_wasm32",),
]
REFUSED = [
    *("", "linux_x86_64", "linux_aarch64", "linux_armv8l", "win_arm32", "win64", "any2"),
    *("macosx_9_2_x86_64", "macosx_11_2_arm64", "macosx_16_2_arm64", "macosx_27_0_arm64"),
    *("macosx_10_15_amd64", "manylinux1_aarch64", "manylinux2014_riscv64", "manylinux_2_x86_64"),
    *("musllinux_1_1_ppc64", "android_27_mips", "ios_13_0_arm64_appletvos", "freebsd_14_amd64"),
    *("pyodide_2024_0_wasm32", "emscripten_3_1_wasm32", "wasi_0_wasm32", "macosx_10_\u0663_arm64"),
]


@pytest.mark.parametrize("platform", TAKEN)
def test_accepted_platforms(platform: str) -> None:
    """PyPI accepts wheels for these platforms."""
    assert is_accepted(platform)


@pytest.mark.parametrize("platform", REFUSED, ids=ascii)
def test_refused_platforms(platform: str) -> None:
    """PyPI refuses wheels for these platforms."""
    assert not is_accepted(platform)
