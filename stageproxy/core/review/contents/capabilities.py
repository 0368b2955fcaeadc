"""What the code of a module can do, by the names that it uses."""

import ast
from collections.abc import Mapping
from enum import StrEnum

from stageproxy.core.review.contents.syntax import Syntax, constant_text


class Capability(StrEnum):
    """Something that code can do. Each is usual; what is new or well hidden is worth a look."""

    NETWORK = "network"
    PROCESS = "process"
    """It starts other programs."""
    FILES = "files"
    """It writes, moves or deletes files."""
    CODE = "code"
    """It runs code that is made or found while it runs."""
    NATIVE = "native"
    """It calls compiled libraries directly."""
    ENVIRONMENT = "environment"
    """It reads environment variables or stored credentials."""


_OF_MODULE: Mapping[str, Capability] = {
    **dict.fromkeys(
        (
            "socket", "ssl", "socketserver", "urllib.request", "urllib2", "http.client",
            "http.server", "httplib", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib",
            "xmlrpc", "requests", "httpx", "aiohttp", "urllib3", "websocket", "websockets",
            "paramiko", "pycurl", "dns", "niquests", "boto3",
        ),
        Capability.NETWORK,
    ),
    **dict.fromkeys(("subprocess", "pty", "pexpect", "commands", "sh"), Capability.PROCESS),
    **dict.fromkeys(("shutil", "winreg", "_winreg"), Capability.FILES),
    **dict.fromkeys(("runpy", "marshal", "codeop", "code"), Capability.CODE),
    **dict.fromkeys(("ctypes", "_ctypes", "cffi"), Capability.NATIVE),
    **dict.fromkeys(("keyring", "netrc", "getpass"), Capability.ENVIRONMENT),
}  # fmt: skip
_OF_NAME: Mapping[str, Capability] = {
    **dict.fromkeys(
        ("asyncio.open_connection", "asyncio.start_server", "asyncio.create_connection"),
        Capability.NETWORK,
    ),
    **dict.fromkeys(
        (
            "os.system", "os.popen", "os.startfile", "os.fork", "os.forkpty", "os.posix_spawn",
            "os.posix_spawnp", "asyncio.create_subprocess_exec",
            "asyncio.create_subprocess_shell",
            *(f"os.exec{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
            *(f"os.spawn{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
        ),
        Capability.PROCESS,
    ),
    **dict.fromkeys(
        (
            "os.remove", "os.unlink", "os.rename", "os.replace", "os.rmdir", "os.removedirs",
            "os.mkdir", "os.makedirs", "os.chmod", "os.chown", "os.symlink", "os.link",
            "os.truncate", "os.write",
        ),
        Capability.FILES,
    ),
    **dict.fromkeys(
        (
            "exec", "eval", "compile", "__import__", "importlib.import_module",
            "importlib.util.spec_from_file_location", "importlib.util.module_from_spec",
            "types.FunctionType", "types.CodeType", "pickle.loads", "pickle.load",
        ),
        Capability.CODE,
    ),
    **dict.fromkeys(("os.environ", "os.environb", "os.getenv"), Capability.ENVIRONMENT),
}  # fmt: skip
_METHODS: Mapping[str, Capability] = dict.fromkeys(
    ("write_text", "write_bytes", "unlink", "rmtree", "symlink_to", "hardlink_to"),
    Capability.FILES,
)
_OPENERS = frozenset({"open", "io.open", "codecs.open"})
_WRITES = frozenset("wax+")


def capabilities_in(syntax: Syntax) -> Mapping[str, int]:
    """Return what the code can do, each with the first line where it does it."""
    found: dict[str, int] = {}
    for one in syntax.nodes:
        capability = _capability_of(one.node, syntax)
        if capability is not None:
            line = getattr(one.node, "lineno", 1)
            found[capability] = min(line, found.get(capability, line))
    return found


def capability_of_name(name: str) -> Capability | None:
    """Return what a function or module, by its full name, is used for."""
    if name in _OF_NAME:
        return _OF_NAME[name]
    parts = name.split(".")[:3]
    starts = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next((_OF_MODULE[start] for start in starts if start in _OF_MODULE), None)


def _capability_of(node: ast.AST, syntax: Syntax) -> Capability | None:
    if isinstance(node, ast.Call):
        return _capability_of_call(node, syntax)
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return None
    return capability_of_name(syntax.name_of(node))


def _capability_of_call(call: ast.Call, syntax: Syntax) -> Capability | None:
    name = syntax.name_of(call.func)
    if name in _OPENERS:
        return Capability.FILES if _writes(call) else None
    if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
        return _METHODS[call.func.attr]
    return capability_of_name(name) or capability_of_name(syntax.name_of(call))


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "mode")]
    return any(_WRITES & set(constant_text(mode)) for mode in modes)
