"""The chart as helm itself renders it: for releases, because no registry of CI has helm."""

import json
import os
import subprocess
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from tests.test_deploy_several import CHART, chart

pytestmark = pytest.mark.battery


def helm(folder: Path, *command: str) -> CompletedProcess[str]:
    """Run helm, with its own files in a folder."""
    homes = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    environment = {**os.environ, **{name: str(folder) for name in homes}}
    return subprocess.run(
        ["helm", *command], env=environment, capture_output=True, text=True, check=False
    )


def test_chart_has_no_faults(tmp_path: Path) -> None:
    """Helm finds nothing wrong, not even in strict mode."""
    ended = helm(tmp_path, "lint", "--strict", str(CHART))

    assert ended.returncode == 0, ended.stdout


def test_chart_is_rendered_as_in_the_other_tests(tmp_path: Path) -> None:
    """Helm renders the documents that the tests of the chart look at."""
    ended = helm(tmp_path, "template", "release", str(CHART))
    documents = [one for one in yaml.safe_load_all(ended.stdout) if one]

    assert {one["kind"]: one for one in documents} == chart()


def test_values_that_helm_refuses(tmp_path: Path) -> None:
    """Helm applies the schema: a secret among the settings is refused."""
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"settings": {"STAGEPROXY_SERVER__SECRET": "a secret"}}))

    ended = helm(tmp_path, "template", "release", str(CHART), "--values", str(values))

    assert ended.returncode != 0
    assert "STAGEPROXY_SERVER__SECRET" in ended.stderr
