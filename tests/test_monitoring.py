"""What conf/monitoring ships is well-formed, as the programs it is for see it; `end_to_end.test_monitoring` runs it."""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.test_docs import ROOT

MONITORING = ROOT / "conf" / "monitoring"


def read(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


class ByItsProgramTests(SynchronousTestCase):
    """Skipped where the program is not installed."""

    def checked(self, *words: str, where: Path = MONITORING) -> None:
        """The program finds nothing wrong."""
        if shutil.which(words[0]) is None:
            self.skipTest(f"{words[0]} is not installed")
        run = subprocess.run(words, cwd=where, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_prometheus(self) -> None:
        """Prometheus takes its configuration, with the files that it names in their places."""
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        text = (MONITORING / "prometheus.yml").read_text()
        for path in set(re.findall(r"/etc/prometheus/[\w.-]+", text)):
            shutil.copy(MONITORING / "alerts.yml", directory / Path(path).name)
            text = text.replace(path, str(directory / Path(path).name))
        (directory / "prometheus.yml").write_text(text)
        shutil.copy(MONITORING / "alerts.yml", directory)
        self.checked("promtool", "check", "config", "prometheus.yml", where=directory)

    def test_alerts(self) -> None:
        """Each alert comes when it should, and not before."""
        self.checked("promtool", "check", "rules", "alerts.yml")
        self.checked("promtool", "test", "rules", "tests/alerts.yml")

    def test_alertmanager(self) -> None:
        """Alertmanager takes its configuration, and sends what is serious to a person and the rest to nobody."""
        self.checked("amtool", "check-config", "alertmanager.yml")
        route = ("amtool", "config", "routes", "test", "--config.file=alertmanager.yml")
        for severity, receiver in (("critical", "person"), ("warning", "person"), ("info", "nobody")):
            self.checked(*route, f"--verify.receivers={receiver}", f"severity={severity}")


class AlertTests(SynchronousTestCase):
    def rules(self) -> Iterator[dict[str, Any]]:
        for group in read("alerts.yml")["groups"]:
            yield from group["rules"]

    def test_each_is_tested(self) -> None:
        """Each alert has its test, in which it comes."""
        tested = {
            one["alertname"]
            for test in read("tests/alerts.yml")["tests"]
            for one in test["alert_rule_test"]
            if one["exp_alerts"]
        }
        self.assertEqual(tested, {rule["alert"] for rule in self.rules()})

    def test_each_says_what_to_do(self) -> None:
        """Each says how bad it is, of which server, and what a person makes of it."""
        for rule in self.rules():
            self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
            self.assertIn("{{ $labels.instance }}", rule["annotations"]["summary"])
            self.assertTrue(rule["annotations"]["description"].endswith("."))

    def test_metrics_exist(self) -> None:
        """Alerts and dashboard speak of metrics that the docs explain."""
        known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE))
        expressions = [rule["expr"] for rule in self.rules()] + [(MONITORING / "dashboard.json").read_text()]
        used = {name for text in expressions for name in re.findall(r"\b(?:pocketagent|process)_[a-z_]+", text)}
        self.assertEqual({re.sub(r"_(bucket|count|sum)$", "", name) for name in used} - known, set())


class DashboardTests(SynchronousTestCase):
    def test_made_by_its_script(self) -> None:
        """dashboard.json is what dashboard.py makes of it."""
        spec = importlib.util.spec_from_file_location("dashboard", MONITORING / "dashboard.py")
        assert spec is not None
        assert spec.loader is not None
        dashboard = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(dashboard)
        self.assertEqual((MONITORING / "dashboard.json").read_text(), dashboard.written())

    def test_panels(self) -> None:
        """Panels have ids of their own, fill the width and overlap nowhere."""
        panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertFalse(taken & cells, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells


class LogShippingTests(SynchronousTestCase):
    """Filebeat, Logstash and Elasticsearch cannot be had here: what they read is at least of its form."""

    def test_forms(self) -> None:
        """The YAML is YAML and the JSON is JSON; they, Logstash and rsyslog mean the same index."""
        self.assertEqual(read("filebeat.yml")["output.logstash"], {"hosts": ["127.0.0.1:5044"]})
        template = json.loads((MONITORING / "elasticsearch-template.json").read_text())
        self.assertEqual(template["index_patterns"], ["pocketagent-logs-*"])
        for name in ("logstash.conf", "rsyslog.conf"):
            text = (MONITORING / name).read_text()
            self.assertEqual(re.findall(r'"(pocketagent-logs-)', text), ["pocketagent-logs-"], name)
            self.assertEqual(text.count("{"), text.count("}"), name)
