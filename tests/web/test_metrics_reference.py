"""The reference of metrics, the dashboard and the alerts, compared with the metrics of a server."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from stageproxy.web.metrics import Metrics
from tests.support.servers.processes import ROOT

REFERENCE = (ROOT / "docs" / "reference" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(stageproxy_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
NAME = re.compile(r"\b(?:stageproxy|process)_\w+")
LABEL = re.compile(r'(\w+) ?(?:=~|!=|=|!~) ?"|by ?\(([^)]*)\)')
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}
PROCESS = frozenset(
    {
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    }
)
OF_PROMETHEUS = frozenset({"job", "instance", "le", ""})
"""The labels that Prometheus adds, and that of buckets."""


def documented() -> Mapping[str, tuple[str, frozenset[str]]]:
    """Return the type and the labels of each metric in the reference."""
    return {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in ROW.findall(REFERENCE)
    }


def collected() -> Mapping[str, tuple[str, frozenset[str]]]:
    """Return the type and the labels of each metric of a server."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for collector in {*Metrics().registry._collector_to_names}:  # noqa: SLF001 - it has no other list
        describe = getattr(collector, "describe", collector.collect)
        for family in describe():
            source = family if hasattr(family, "_labelnames") else collector
            labels = frozenset(getattr(source, "_labelnames", ()))
            kind, suffix = family.type, "_total" if family.type == "counter" else ""
            if kind == "info":
                kind, suffix, labels = "gauge", "_info", frozenset({"version"})
            found[family.name + suffix] = (kind, labels)
    return {name: one for name, one in found.items() if name.startswith("stageproxy_")}


def test_reference_is_complete() -> None:
    """Every metric is in the reference with its type and labels, and nothing else is."""
    assert documented() == collected()


def queryable() -> frozenset[str]:
    """Return the names that a query can use."""
    names = {
        name.removesuffix("_total") + suffix if kind == "counter" else name + suffix
        for name, (kind, _) in documented().items()
        for suffix in SUFFIXES[kind]
    }
    return frozenset(names | PROCESS)


def labels_of(query: str) -> set[str]:
    """Return the names of labels in a query."""
    found: set[str] = set()
    for matched, grouped in LABEL.findall(query):
        found |= {matched} | {one.strip() for one in grouped.split(",")}
    return found - OF_PROMETHEUS


def queries_in(document: Any) -> Iterator[str]:
    """Yield every query in a dashboard or in a file of rules."""
    if isinstance(document, list):
        for one in document:
            yield from queries_in(one)
    elif isinstance(document, dict):
        yield from (value for key, value in document.items() if key == "expr")
        for value in document.values():
            yield from queries_in(value)


def dashboard() -> Any:
    """Return the dashboard."""
    return json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())


def alerts() -> list[Any]:
    """Return the rules of all alerts."""
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus-alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("query", sorted({*queries_in(dashboard()), *queries_in(alerts())}))
def test_queries_name_metrics(query: str) -> None:
    """Every query of the dashboard and the alerts uses metrics and labels that exist."""
    names = {*NAME.findall(query)}
    labels = {one for _, found in documented().values() for one in found}

    assert names
    assert names <= queryable()
    assert labels_of(query) <= labels


def test_panels_have_titles_and_queries() -> None:
    """Every panel of the dashboard says what it shows, in which unit, and has a query."""
    panels = [one for one in dashboard()["panels"] if one["type"] != "row"]

    assert len({one["title"] for one in panels}) == len(panels) > 5
    assert all(one["targets"] and one["fieldConfig"]["defaults"]["unit"] for one in panels)
    assert len({one["id"] for one in dashboard()["panels"]}) == len(dashboard()["panels"])


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: str(one["alert"]))
def test_alerts_say_what_to_do(alert: Mapping[str, Any]) -> None:
    """Every alert waits, has a severity, and says in sentences what it means and what to do."""
    assert re.fullmatch(r"\d+[mh]", alert["for"])
    assert alert["labels"]["severity"] in {"page", "ticket"}
    for text in ("summary", "description"):
        assert alert["annotations"][text].strip().endswith(".")


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: str(one["alert"]))
def test_alerts_are_documented(alert: Mapping[str, Any]) -> None:
    """Every alert has a line in the how-to."""
    how_to = (ROOT / "docs" / "how-to" / "monitor.md").read_text()

    assert f"| `{alert['alert']}` |" in how_to
