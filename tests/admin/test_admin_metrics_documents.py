"""The page about metrics and the Grafana dashboard name the metrics and labels that exist, and no others."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ecr_emulator.testing.upstream.faults import with_headers
from ecr_emulator.testing.upstream.images import image
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.admin_api import AdminClient
from tests.support.programs import program
from tests.support.pull_through import running_cache

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana-dashboard.json").read_text(encoding="utf-8"))
TARGETS = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]
NAME = r"(?:ecr_emulator|process)_\w+"


@pytest.fixture(scope="module")
def text():
    """Return the metrics after requests that give each metric a sample."""
    limit = with_headers(**{"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "57;w=21600"})
    with ScriptedUpstream() as upstream, running_cache(upstream) as cache:
        upstream.add_image("team/app", image(), "v1")
        upstream.fail("/manifests/v1", limit)
        cache.http = AdminClient(cache.emulator.wsgi)
        cache.rule()
        assert cache.http.get("/_ecr/clock", buffered=True).status_code == 200
        token = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        for _ in range(2):
            headers = {"Authorization": f"Basic {token}"}
            assert cache.http.get("/v2/quay/team/app/manifests/v1", headers=headers, buffered=True).status_code == 200
        return cache.http.get("/_ecr/metrics").text


@pytest.fixture(scope="module")
def labels(text):
    """Return the labels of each sample by its name."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {sample.name: set(sample.labels) for sample in samples}


def test_the_page_lists_every_metric_with_its_labels(labels):
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    listed = {}
    for row in re.findall(r"^\| `ecr_emulator_.*$", page, re.MULTILINE):
        names, described = row.split("|")[1:3]
        without_values = re.sub(r"\(.*?\)", "", described)
        for name in re.findall(NAME, names):
            listed[name] = set(re.findall(r"`(\w+)`", without_values))
    own = {name: found for name, found in labels.items() if name.startswith("ecr_emulator_")}
    histogram = "ecr_emulator_request_duration_seconds"
    assert own.pop(f"{histogram}_bucket") == listed[histogram] | {"le"}
    assert own.pop(f"{histogram}_sum") == own.pop(f"{histogram}_count") == listed.pop(histogram)
    assert own == listed


@pytest.mark.parametrize("target", TARGETS, ids=[target["expr"] for target in TARGETS])
def test_the_dashboard_asks_for_metrics_and_labels_that_exist(labels, target):
    names = re.findall(NAME, target["expr"])
    assert names
    assert set(names) <= labels.keys()
    known = set.union(*(labels[name] for name in names))
    grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(",")}
    matched = set(re.findall(r"(\w+)\s*[=!]~?\s*\"", target["expr"]))
    shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    assert grouped | matched | shown <= known
    assert not grouped or shown <= grouped


def test_the_dashboard_shows_every_metric_but_the_version(labels):
    shown = {name for target in TARGETS for name in re.findall(NAME, target["expr"])}
    histogram = {f"ecr_emulator_request_duration_seconds_{part}" for part in ("sum", "count")}
    own = {name for name in labels if name.startswith("ecr_emulator_")}
    assert own - shown == histogram | {"ecr_emulator_build_info", "ecr_emulator_blobs"}


def test_the_panels_do_not_overlap():
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


@pytest.mark.journey
def test_promtool_finds_nothing_wrong_with_the_metrics(text):
    command = [program("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
