"""The compose file, the nginx configuration and the chart of several servers, beside the code."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stageproxy.config import Config, load_config
from stageproxy.web.routes import ROUTES
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS
from tests.support.servers.processes import ROOT
from tests.test_deploy import DEPLOY, NGINX, OWN_USER, image_environment

SEVERAL = DEPLOY / "several"
CHART = DEPLOY / "chart"
NGINX_OF_SEVERAL = (SEVERAL / "nginx.conf").read_text()
TEMPLATES = sorted((CHART / "templates").iterdir())

EXPRESSION = re.compile(r"\{\{ ([^}]+) \}\}")
VARIABLE = re.compile(r"\$\{(\w+):\?[^}]*\}")
"""A variable of compose that has to be set."""

OF_ITS_OWN = re.compile(
    r"\A.*?(?=# Anyone)|^# The requests of.*?^}\n\n|^upstream stageproxy {$.*?^}$",
    re.MULTILINE | re.DOTALL,
)
"""What a configuration of nginx has of its own: its first lines, and its servers."""

SECRET = {
    "STAGEPROXY_SERVER__SECRET": "a secret of the test",
    "STAGEPROXY_S3__SECRET_ACCESS_KEY": "a key of the test",
    "PGPASSWORD": "a password of the test",
}


def compose() -> Any:
    """Return the compose file, with a value for each variable that has to be set."""
    return yaml.safe_load(VARIABLE.sub("given", (SEVERAL / "compose.yaml").read_text()))


def values() -> Any:
    """Return the default values of the chart."""
    return yaml.safe_load((CHART / "values.yaml").read_text())


def rendered(template: Path, given: Any) -> Any:
    """Return a document of the chart as helm renders it, with the few functions it uses."""

    def result(found: re.Match[str]) -> str:
        path, *functions = found[1].split(" | ")
        value: Any = {"Values": given, "Release": {"Name": "release"}}
        for name in path.removeprefix(".").split("."):
            value = value[name]
        for function in functions:
            value = FUNCTIONS[function](value)
        return str(value)

    return yaml.safe_load(EXPRESSION.sub(result, template.read_text()))


FUNCTIONS: dict[str, Any] = {
    "toJson": lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")),
    "sha256sum": lambda text: sha256(text.encode()).hexdigest(),
}


def chart(given: Any = None) -> dict[str, Any]:
    """Return all documents of the chart, by their kind."""
    documents = [rendered(one, given or values()) for one in TEMPLATES]
    return {one["kind"]: one for one in documents}


def container() -> Any:
    """Return the container of a server in the chart."""
    (one,) = chart()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return one


def settings_of(variables: dict[str, str]) -> Config:
    """Return the settings of a server of the image that has these variables."""
    return load_config(None, image_environment() | variables)


def test_nginx_of_several_servers_differs_in_its_servers_only() -> None:
    """Everything but the upstream servers is as in the configuration for one server."""
    texts = [OF_ITS_OWN.sub("", text) for text in (NGINX, NGINX_OF_SEVERAL)]

    assert texts[1] == texts[0]


def test_nginx_sends_an_upload_session_to_one_server() -> None:
    """The key of the server is the session in the path of each route of an upload session."""
    (pattern,) = re.findall(r'"~(\^/upload\S+)" \$session;', NGINX_OF_SEVERAL)
    session = re.compile(pattern.replace("(?<", "(?P<"))
    paths = [route.path for route in ROUTES if "/sessions/" in route.path]

    found = [session.match(path.replace("{id}", "one")) for path in paths]

    assert len(paths) > 5
    assert {one and one["session"] for one in found} == {"one"}


def test_compose_of_several_servers_names_them_all() -> None:
    """Nginx has the name and the port of each server, and waits until they are healthy."""
    services = compose()["services"]
    servers = [name for name, one in services.items() if one.get("image") == "stageproxy"]
    port = settings_of({}).server.port

    assert len(servers) > 1
    assert re.findall(r"^    server (\S+) max", NGINX_OF_SEVERAL, re.MULTILINE) == [
        f"{name}:{port}" for name in servers
    ]
    assert sorted(services["nginx"]["depends_on"]) == servers
    assert len({one for name in servers for one in services[name]["volumes"]}) == len(servers)


@pytest.mark.parametrize("name", ["server-1", "server-2"])
def test_settings_of_several_servers_in_compose(name: str) -> None:
    """The servers share the database, the bucket and the secret, and trust nginx alone."""
    file = compose()
    variables = file["services"][name]["environment"]
    nginx = file["services"]["nginx"]["networks"]["default"]["ipv4_address"]

    settings = settings_of(variables)

    assert settings.storage.database == "postgresql://stageproxy@postgres/stageproxy"
    assert settings.storage.files == "s3://stageproxy/files"
    assert settings.s3.endpoint == "http://store:8333"
    assert settings.server.secret.get_secret_value() == "given"
    assert [str(one) for one in settings.server.trusted_proxies] == [f"{nginx}/32"]


@pytest.mark.parametrize("name", ["server-1", "server-2", "nginx"])
def test_several_servers_in_compose_are_locked_down(name: str) -> None:
    """No server can write to its image or gain privileges, and requests have time to end."""
    service = compose()["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    if name != "nginx":
        assert int(service["stop_grace_period"].rstrip("s")) >= SHUTDOWN_SECONDS + 10


def test_compose_of_several_servers_contains_no_secret() -> None:
    """Secrets come from the environment, and compose refuses to start without them."""
    text = (SEVERAL / "compose.yaml").read_text()
    secrets = re.findall(r"(?:PASSWORD|SECRET\w*): (.*)", text)

    assert set(VARIABLE.findall(text)) == {"STAGEPROXY_SECRET", "POSTGRES_PASSWORD", "S3_SECRET"}
    assert [one for one in secrets if not one.startswith("${")] == []
    assert json.loads(compose()["configs"]["store"]["content"])["identities"]


def test_image_has_what_several_servers_need() -> None:
    """The image has the extras for PostgreSQL and for a bucket."""
    (extras,) = re.findall(r"'\.\[(.*)\]'", (ROOT / "Dockerfile").read_text())

    assert {"postgres", "s3"} <= set(extras.split(","))


def test_default_values_of_the_chart_match_their_schema() -> None:
    """The schema takes the default values."""
    jsonschema.validate(values(), json.loads((CHART / "values.schema.json").read_text()))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("STAGEPROXY_SERVER__SECRET", "a secret"),
        ("STAGEPROXY_STORAGE__DATABASE", "postgresql://somebody:a-password@db.example/stageproxy"),
        ("STAGEPROXY_STORAGE__DATABASE", ""),
        ("STAGEPROXY_STORAGE__FILES", ""),
        ("STAGEPROXY_SERVER__PORT", 80),
    ],
)
def test_values_that_the_chart_refuses(name: str, text: object) -> None:
    """The schema refuses secrets among the settings, and several servers without shared stores."""
    given = values()
    given["settings"][name] = text

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(given, json.loads((CHART / "values.schema.json").read_text()))


def test_settings_of_the_chart() -> None:
    """The variables of the config map and of the secret are settings of a server."""
    documents = chart()

    settings = settings_of(documents["ConfigMap"]["data"] | SECRET)

    assert container()["envFrom"] == [
        {"configMapRef": {"name": documents["ConfigMap"]["metadata"]["name"]}},
        {"secretRef": {"name": values()["secret"]}},
    ]
    assert settings.server.public_url == "https://stage.example"
    assert settings.storage.database == "postgresql://stageproxy@postgres.example/stageproxy"
    assert settings.s3.secret_access_key.get_secret_value() == "a key of the test"


def test_other_settings_restart_the_servers_of_the_chart() -> None:
    """The pods change when a setting does."""
    given = values()
    given["settings"]["STAGEPROXY_STAGE__LIFETIME"] = "9d"
    pods = [chart(one)["Deployment"]["spec"]["template"] for one in (values(), given)]

    assert pods[0]["metadata"]["annotations"] != pods[1]["metadata"]["annotations"]
    assert pods[0]["spec"] == pods[1]["spec"]


def test_chart_runs_the_image() -> None:
    """The pods have the user, the port, the data directory and the health routes of the image."""
    pod = chart()["Deployment"]["spec"]["template"]["spec"]
    image = settings_of({})
    routes = {route.path for route in ROUTES}
    probes = [
        container()[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")
    ]

    assert str(pod["securityContext"]["runAsUser"]) == OWN_USER
    assert container()["ports"] == [{"name": "http", "containerPort": image.server.port}]
    assert container()["volumeMounts"][0]["mountPath"] == str(image.storage.data)
    assert {(one["path"] in routes, one["port"]) for one in probes} == {(True, "http")}
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    waits = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] >= waits + SHUTDOWN_SECONDS + 10


def test_chart_replaces_servers_without_an_interruption() -> None:
    """A new server is ready before an old one ends, and the service finds the pods."""
    documents = chart()
    spec = documents["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]

    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert spec["replicas"] > 1
    assert labels == spec["selector"]["matchLabels"]
    assert labels == documents["Service"]["spec"]["selector"]
    assert labels == documents["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    assert documents["Service"]["spec"]["ports"][0]["targetPort"] == "http"
