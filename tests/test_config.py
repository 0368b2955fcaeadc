"""Settings: sources, precedence and errors."""

import re
import sys
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from yarl import URL

from stageproxy.config import Config, ConfigError, load_config, shown_settings
from stageproxy.upstream.pip_index import urls_of
from tests.support.servers.processes import ROOT, own_environment, run

EXAMPLE = ROOT / "config.example.toml"
SECRETS = {"server.secret", "promotion.token", "promotion.tokens", "s3.secret_access_key"}
ASK_PIP = """
from stageproxy.upstream.pip_index import settings_of_pip
index = settings_of_pip().index
print(index, index.root, index.simple, sep="\\n")
"""
ASK_FOR_NETWORK = """
from stageproxy.upstream.pip_index import settings_of_pip
found = settings_of_pip().network
print(found.authorities, found.client_certificate, found.proxy, found.trusted_hosts, sep="\\n")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a settings file that does not exist yet."""
    return tmp_path / "config.toml"


def loaded(file: Path, text: str, environment: Mapping[str, str] = {}) -> Config:
    """Return the settings of a file with that *text*."""
    file.write_text(text)
    return load_config(file, environment)


def test_example_has_the_defaults() -> None:
    """The example has the default settings."""
    assert load_config(EXAMPLE, {}) == Config()


def test_example_names_every_setting() -> None:
    """The example has each setting in the order of the model; secrets are commented out."""
    # A setting that is commented out stands at the start of its line, like any other.
    uncommented = re.sub(r"^# (\w+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    written = tomllib.loads(EXAMPLE.read_text())
    named = [
        f"{section}.{name}"
        for section, names in tomllib.loads(uncommented).items()
        for name in names
    ]

    known = [
        f"{section}.{name}" for section, names in shown_settings(Config()).items() for name in names
    ]
    assert named == known
    assert {name for name in named if not _has(written, name)} == SECRETS


def _has(document: Mapping[str, Mapping[str, object]], name: str) -> bool:
    section, _, key = name.partition(".")
    return key in document[section]


def test_example_names_no_host() -> None:
    """The example contains no host name."""
    assert re.findall(r"\w+://\S+|\b\w+\.(?:org|com|io|net)\b", EXAMPLE.read_text()) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "[server]\nprot = 1",
            "server.prot: there is no such setting. Check its spelling.",
            id="setting",
        ),
        pytest.param(
            "[sever]\nport = 1",
            "sever: there is no such setting. Check its spelling.",
            id="section",
        ),
        pytest.param(
            "port = 1",
            "port: there is no such setting. Check its spelling.",
            id="setting without section",
        ),
        pytest.param(
            "server = 3", "server: this is a section. Write it as a table.", id="no table"
        ),
        pytest.param(
            '[stage]\nlifetime = "7 moons"',
            "stage.lifetime: '7 moons' is not a duration such as 90s, 15m, 12h or 7d.",
            id="length of time",
        ),
        pytest.param(
            "[server]\nworkers = 0",
            "server.workers: Input should be greater than or equal to 1.",
            id="workers",
        ),
        pytest.param(
            '[review]\ntargets = ["cp313"]',
            "review.targets: 'cp313' is no target: write an interpreter and a platform, such as "
            "cp313-manylinux_x86_64, cp314t-macosx_arm64 or pp311-win_amd64.",
            id="target",
        ),
        pytest.param(
            '[projects.demo]\nexpects = ["wheels"]',
            "projects.demo.expects: 'wheels' is no pattern of expected files: write a glob as in "
            "demo-*-win32.whl, Pythons and platforms as in cp312,cp313-manylinux_x86_64, or sdist.",
            id="expected files",
        ),
        pytest.param(
            '[server]\ntrusted_proxies = ["127.0.0.1", "proxy.example"]',
            "server.trusted_proxies: 'proxy.example' is neither an IP address nor a network "
            "such as 10.0.0.0/8.",
            id="address of a proxy",
        ),
        pytest.param(
            '[server]\ntrusted_proxies = ["10.0.0.1/8"]',
            "server.trusted_proxies: '10.0.0.1/8' is neither an IP address nor a network "
            "such as 10.0.0.0/8.",
            id="network that begins elsewhere",
        ),
        pytest.param(
            '[promotion]\nrepository_url = "127.0.0.1:8080/legacy/"',
            "promotion.repository_url: give a full URL that begins with https://.",
            id="URL without a scheme",
        ),
        pytest.param(
            "[server]\ntrusted_proxies = 1",
            "server.trusted_proxies: give a list of IP addresses and networks.",
            id="no list of proxies",
        ),
    ],
)
def test_mistakes(file: Path, text: str, sentence: str) -> None:
    """A wrong setting is reported with its name and the reason."""
    with pytest.raises(ConfigError) as refused:
        loaded(file, text, {"STAGEPROXY_SERVER__HOST": "localhost"})

    assert str(refused.value) == sentence


def test_all_mistakes_are_reported_together(file: Path) -> None:
    """All mistakes in a file are reported together."""
    with pytest.raises(ConfigError) as refused:
        loaded(file, '[server]\nport = "x"\n[stage]\nmax_per_project = 0\nnot = 1')

    said = [line.partition(":")[0] for line in str(refused.value).splitlines()]
    assert sorted(said) == ["server.port", "stage.max_per_project", "stage.not"]


def test_missing_file(file: Path) -> None:
    """A file that cannot be read is reported."""
    with pytest.raises(ConfigError, match=r"config\.toml cannot be read: No such file"):
        load_config(file, {})


@pytest.mark.parametrize("content", [b"[server", b"\xff\xfe"], ids=["broken", "not text"])
def test_file_that_is_not_toml(file: Path, content: bytes) -> None:
    """A file that is not TOML is reported."""
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"config\.toml is not valid TOML: "):
        load_config(file, {})


def test_environment_overrides_the_file(file: Path) -> None:
    """The environment overrides the file."""
    config = loaded(
        file, '[server]\nhost = "a"\nport = 1', {"STAGEPROXY_SERVER__PORT": "2", "PORT": "3"}
    )

    assert (config.server.host, config.server.port) == ("a", 2)


def test_options_override_all(file: Path) -> None:
    """An option overrides the environment and the file, unless it is `None`."""
    file.write_text("[server]\nport = 1\n")
    environment = {"STAGEPROXY_SERVER__PORT": "2", "STAGEPROXY_SERVER__HOST": "a"}

    config = load_config(file, environment, server={"port": 3, "host": None})

    assert (config.server.host, config.server.port) == ("a", 3)


@pytest.mark.parametrize(("text", "value"), [("false", False), ("true", True), ("0", False)])
def test_switches_in_the_environment(text: str, *, value: bool) -> None:
    """A boolean in the environment is spelled as in TOML, or as a number."""
    assert load_config(None, {"STAGEPROXY_UPLOAD__REPLACE": text}).upload.replace is value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("127.0.0.1,10.0.0.0/8,::1", id="commas"),
        pytest.param(" 127.0.0.1 , 10.0.0.0/8 ,::1, ", id="blanks"),
    ],
)
def test_proxies_in_the_environment(file: Path, text: str) -> None:
    """Addresses and networks are a list in the file, and comma-separated in the environment."""
    listed = loaded(file, '[server]\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8", "::1"]')

    given = load_config(None, {"STAGEPROXY_SERVER__TRUSTED_PROXIES": text})

    expected = tuple(map(ip_network, ("127.0.0.1/32", "10.0.0.0/8", "::1/128")))
    assert (given.server.trusted_proxies, listed.server.trusted_proxies) == (expected, expected)
    assert shown_settings(given)["server"]["trusted_proxies"] == [str(one) for one in expected]


@pytest.mark.parametrize(
    "text", ["cp313-win_amd64,pp311-macosx_arm64", " cp313-win_amd64 , pp311-macosx_arm64,"]
)
def test_targets_in_the_environment(file: Path, text: str) -> None:
    """Targets of reviews are a list in the file, and comma-separated in the environment."""
    listed = loaded(file, '[review]\ntargets = ["cp313-win_amd64", "pp311-macosx_arm64"]')

    given = load_config(None, {"STAGEPROXY_REVIEW__TARGETS": text})

    assert given == listed
    assert shown_settings(given)["review"]["targets"] == ["cp313-win_amd64", "pp311-macosx_arm64"]


def test_expected_files_of_a_project(file: Path) -> None:
    """A project has its own table, however its name is spelled."""
    config = loaded(file, '[projects."Other.Name"]\nexpects = ["sdist"]')

    assert {name: one.expects for name, one in config.projects.items()} == {
        "other-name": ("sdist",)
    }


@pytest.mark.parametrize("text", ["demo=one,Other.Name=two=", " demo = one , Other.Name = two= ,"])
def test_tokens_in_the_environment(file: Path, text: str) -> None:
    """Tokens by project are a table in the file, and comma-separated in the environment."""
    listed = loaded(file, '[promotion.tokens]\ndemo = "one"\n"Other.Name" = "two="')

    given = load_config(None, {"STAGEPROXY_PROMOTION__TOKENS": text})

    assert given == listed
    assert shown_settings(given)["promotion"]["tokens"] == {
        "demo": "**********",
        "Other.Name": "**********",
    }


def test_unknown_variable_is_refused() -> None:
    """A misspelled variable is reported like a setting in the file."""
    with pytest.raises(
        ConfigError, match=r"^server\.prot: there is no such setting\. Check its spelling\.$"
    ):
        load_config(None, {"STAGEPROXY_SERVER__PROT": "1"})


def test_variables_of_the_commands_are_ignored() -> None:
    """`STAGEPROXY_SERVER` and `STAGEPROXY_TOKEN` are ignored: they are options of commands."""
    given = {"STAGEPROXY_SERVER": "https://stage.example", "STAGEPROXY_TOKEN": "stga_secret"}

    assert load_config(None, given) == Config()


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ('"90s"', timedelta(seconds=90)),
        ('"15m"', timedelta(minutes=15)),
        ('"12h"', timedelta(hours=12)),
        ('"7d"', timedelta(days=7)),
        ('"2w"', timedelta(weeks=2)),
        ('" 1.5 h "', timedelta(minutes=90)),
        ("60", timedelta(seconds=60)),
    ],
)
def test_durations(file: Path, text: str, length: timedelta) -> None:
    """A duration has a unit; a plain number is in seconds."""
    assert loaded(file, f"[stage]\nlifetime = {text}").stage.lifetime == length


@pytest.mark.parametrize("text", ['"-1d"', '"1y"', '""', "true", '"99999999999w"'])
def test_invalid_durations(file: Path, text: str) -> None:
    """An invalid duration is an error."""
    with pytest.raises(ConfigError, match=r"^stage\.lifetime: "):
        loaded(file, f"[stage]\nlifetime = {text}")


@pytest.mark.parametrize(
    ("text", "path"), [('""', None), ('"/run/token"', Path("/run/token"))], ids=["none", "a file"]
)
def test_file_of_a_token(file: Path, text: str, path: Path | None) -> None:
    """An empty text means no file, and is shown as an empty text."""
    config = loaded(file, f"[promotion]\ntoken_file = {text}")

    assert config.promotion.token_file == path
    assert shown_settings(config)["promotion"]["token_file"] == str(path or "")


def test_secrets_are_not_shown() -> None:
    """Secrets and credentials of URLs are neither shown nor in the `repr`."""
    config = load_config(
        None,
        {
            "STAGEPROXY_SERVER__SECRET": "hidden-1",
            "STAGEPROXY_PROMOTION__TOKEN": "hidden-2",
            "STAGEPROXY_UPSTREAM__URL": "https://hidden-3:hidden-4@index.example/root",
            "STAGEPROXY_UPSTREAM__SIMPLE_URL": "https://hidden-5@index.example/simple",
            "STAGEPROXY_PROMOTION__REPOSITORY_URL": "https://u:hidden-6@index.example/legacy/",
            "STAGEPROXY_PROMOTION__INDEX_URL": "https://u:hidden-7@index.example/simple/",
        },
        promotion={"tokens": {"demo": "hidden-8"}},
    )

    assert "hidden" not in f"{config}{config!r}{shown_settings(config)}"
    assert shown_settings(config)["upstream"]["url"] == "https://***@index.example/root"
    assert config.upstream.url == "https://hidden-3:hidden-4@index.example/root"


@pytest.mark.parametrize(
    ("given", "root", "simple"),
    [
        pytest.param("/simple", "/", "/simple/", id="as usual"),
        pytest.param("/simple/", "/", "/simple/", id="with a slash"),
        pytest.param("/a/simple", "/a/", "/a/simple/", id="below a path"),
        pytest.param("/a/+simple/", "/a/", "/a/+simple/", id="of another name"),
        pytest.param("", "/", "/", id="the root itself"),
    ],
)
async def test_upstream_is_what_pip_uses(given: str, root: str, simple: str) -> None:
    """The root of pip's index URL is the folder around it, whatever its name."""
    host = "https://index.example"
    environment = {**own_environment(), "PIP_INDEX_URL": host + given}

    done = await run(sys.executable, "-c", ASK_PIP, environment=environment)

    expected = [f"IndexUrls({host}{root})", host + root, host + simple]
    assert done.ok().stdout.splitlines() == expected


async def test_credentials_of_pip_are_used_and_not_shown() -> None:
    """Credentials in pip's index URL are used, and not shown."""
    given = "https://user:pass%40word@index.example/simple"
    environment = {**own_environment(), "PIP_INDEX_URL": given}

    done = await run(sys.executable, "-c", ASK_PIP, environment=environment)

    safe, root, simple = done.ok().stdout.splitlines()
    assert safe == "IndexUrls(https://index.example/)"
    assert (root, simple) == (given.removesuffix("simple"), f"{given}/")
    assert URL(root).password == "pass@word"


async def test_network_settings_of_pip(tmp_path: Path) -> None:
    """Certificates, proxy and trusted hosts are read where the index is read: from pip."""
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\ncert = /etc/authorities.pem\nproxy = http://user:secret@proxy.example:3128\n"
        "trusted-host =\n    index.example\n    other.example:8443\n"
    )
    inherited = {
        name: text for name, text in own_environment().items() if not name.startswith("PIP_")
    }
    own = {"PIP_CONFIG_FILE": str(file), "PIP_CLIENT_CERT": "/etc/client.pem"}
    environment = {**inherited, **own}

    done = await run(sys.executable, "-c", ASK_FOR_NETWORK, environment=environment)

    assert done.ok().stdout.splitlines() == [
        "/etc/authorities.pem",
        "/etc/client.pem",
        "http://user:secret@proxy.example:3128",
        "('index.example', 'other.example:8443')",
    ]


def test_project_pages_elsewhere() -> None:
    """Project pages can have another URL than the index."""
    urls = urls_of("https://index.example", "https://pages.example/all")

    assert (str(urls.root), str(urls.simple)) == (
        "https://index.example/",
        "https://pages.example/all/",
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db.example/demo", "postgresql://db.example/demo"),
        ("postgresql://us:hidden@db.example:5433/demo", "postgresql://***@db.example:5433/demo"),
        ("postgresql://us:hid/den@db.example/demo", "postgresql://***@db.example/demo"),
        ("postgresql://us:hid@den@db.example/demo", "postgresql://***@db.example/demo"),
        (
            "postgresql://db.example/demo?password=hidden&sslmode=require&sslpassword=hidden",
            "postgresql://db.example/demo?password=***&sslmode=require&sslpassword=***",
        ),
    ],
    ids=["none", "password", "slash", "at sign", "parameters"],
)
def test_password_of_database_is_not_shown(url: str, shown: str) -> None:
    """The URL of a database is shown without its password, even one that is not escaped."""
    config = load_config(None, {"STAGEPROXY_STORAGE__DATABASE": url})

    assert shown_settings(config)["storage"]["database"] == shown
    assert "hid" not in repr(config)


def test_password_of_other_database_is_not_shown() -> None:
    """A URL that is refused is not quoted."""
    with pytest.raises(ConfigError) as raised:
        load_config(None, {"STAGEPROXY_STORAGE__DATABASE": "mysql://us:hidden@db.example/demo"})

    assert "hidden" not in str(raised.value)
