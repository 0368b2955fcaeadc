"""Compiled code, by how a file starts."""

from collections.abc import Mapping

ELF = b"\x7fELF"
_PE = b"MZ"
_MACH_O: Mapping[bytes, str] = {
    b"\xfe\xed\xfa\xce": "big",
    b"\xfe\xed\xfa\xcf": "big",
    b"\xce\xfa\xed\xfe": "little",
    b"\xcf\xfa\xed\xfe": "little",
}
_FAT_MACH_O = b"\xca\xfe\xba\xbe"
_ELF_TYPE_AT, _ELF_OBJECT, _ELF_EXECUTABLE = 16, 1, 2
_MACH_O_TYPE_AT, _MACH_O_OBJECT, _MACH_O_EXECUTABLE = 12, 1, 2
_FAT_MOST = 40
"""A Java class starts as a fat Mach-O does, but with a version where this has a number of parts."""

_LIBRARIES = (".so", ".pyd", ".dylib", ".dll")


def is_compiled(start: bytes) -> bool:
    """Return whether a file is a program or a library, whatever it is called. No object files."""
    if start.startswith(ELF):
        return _elf_type(start) != _ELF_OBJECT
    if start[:4] in _MACH_O:
        return _mach_o_type(start) != _MACH_O_OBJECT
    if start.startswith(_FAT_MACH_O):
        return 0 < int.from_bytes(start[4:8]) < _FAT_MOST
    return start.startswith(_PE)


def is_library(path: str, start: bytes) -> bool:
    """Return whether compiled code is loaded rather than run: by its name, and by how it starts."""
    name = path.rpartition("/")[2].lower()
    if start.startswith(ELF) and _elf_type(start) == _ELF_EXECUTABLE:
        return False
    if start[:4] in _MACH_O and _mach_o_type(start) == _MACH_O_EXECUTABLE:
        return False
    return name.endswith(_LIBRARIES) or ".so." in name


def _elf_type(start: bytes) -> int:
    order = "big" if start[5:6] == b"\x02" else "little"
    return _number(start, _ELF_TYPE_AT, 2, order)


def _mach_o_type(start: bytes) -> int:
    return _number(start, _MACH_O_TYPE_AT, 4, _MACH_O[start[:4]])


def _number(start: bytes, at: int, length: int, order: str) -> int:
    return int.from_bytes(start[at : at + length], "big" if order == "big" else "little")
