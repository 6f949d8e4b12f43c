"""Monitoring as conf/monitoring ships it, for real: Prometheus, Alertmanager and rsyslog beside a server."""

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.end_to_end.client import wait_until
from tests.end_to_end.house import ROOT, House, HouseTestCase, reserved
from tests.end_to_end.monitors import MONITORING, Monitor, Prometheus, Webhook, alertmanager, asked, shipped
from tests.end_to_end.test_turns import begin, data_of

PROGRAMS = f"{os.environ['PATH']}:/usr/sbin"


class MonitoringCase(HouseTestCase):
    programs: Sequence[str] = ()

    def setUp(self) -> None:
        for program in self.programs:
            if shutil.which(program, path=PROGRAMS) is None:
                self.skipTest(f"{program} is not installed")

    def watched(self) -> House:
        """A server that may be watched in all three ways, and an execution that was done."""
        kept = reserved()
        self.addCleanup(kept.close)
        port = int(kept.getsockname()[1])
        house = self.house(f"--metrics-listen=127.0.0.1:{port}", start=False)
        house.metrics_port = port
        house.start()
        return house

    def config(self, house: House) -> dict[str, Any]:
        """prometheus.yml with this server's names and files in it."""
        config: dict[str, Any] = shipped("prometheus.yml")
        token = house.directory / "metrics.token"
        token.write_text(house.token("prometheus", "metrics"))
        by_authority, pinned, here = config["scrape_configs"]
        for job, file in ((by_authority, "authority.pem"), (pinned, "certificate.pem")):
            job["authorization"] = {"credentials_file": str(token)}
            job["tls_config"] = {"ca_file": str(house.data_dir / "certificates" / file)}
            job["static_configs"][0]["targets"] = [f"127.0.0.1:{house.port}"]
        here["static_configs"][0]["targets"] = [f"127.0.0.1:{house.metrics_port}"]
        return config

    def prometheus(self, config: Mapping[str, Any]) -> Prometheus:
        prometheus = Prometheus.watching(Path(self.mktemp()), config)
        self.addCleanup(prometheus.stop)
        return prometheus


class PrometheusTests(MonitoringCase):
    programs = ("prometheus", "prometheus-alertmanager")

    def test_a_failed_execution_is_told(self) -> None:
        """An execution fails, and its alert arrives at the webhook, by the way of each scrape job; once all is well
        again nothing is left of it but that."""
        house = self.watched()
        webhook = Webhook.open()
        self.addCleanup(webhook.close)
        manager = alertmanager(Path(self.mktemp()), webhook.url)
        self.addCleanup(manager.stop)
        config = self.config(house)
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [manager.url.removeprefix("http://")]
        prometheus = self.prometheus(config)
        # What rises is known by two looks, one before.
        wait_until(lambda: len(prometheus.query("up == 1")) == 3, "all three jobs read the metrics")
        wait_until(lambda: len(prometheus.query("count_over_time(up[1m]) >= 2")) == 3, "a second look")
        client = self.client(house)
        project_id = begin(client, house, "broken")
        client.request("execute", project_id=project_id, prompt="error: overloaded")
        client.wait_for_state(project_id, "ERROR")
        alert = webhook.wait_for("PocketAgentExecutionsFail")
        self.assertEqual((alert["status"], alert["labels"]["severity"]), ("firing", "warning"))
        self.assertIn("100% of the executions have failed", alert["annotations"]["summary"])
        # On a machine that is busy one look may have taken longer than the second that it has here.
        wait_until(lambda: self.firing(prometheus) == {"PocketAgentExecutionsFail"}, "all else is well")

    def firing(self, prometheus: Prometheus) -> set[str]:
        """The alerts of now."""
        alerts = asked(f"{prometheus.url}/api/v1/alerts")["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts}

    def test_every_expression_of_the_dashboard(self) -> None:
        """Each gives data of a server at which something was done; and so does each metric that the docs explain."""
        house = self.watched()
        prometheus = self.prometheus({**self.config(house), "alerting": {}})
        wait_until(lambda: prometheus.query('count_over_time(up{job="pocketagent"}[1m]) >= 2'), "two looks")
        client = self.client(house)
        project_id = begin(client, house, "busy")
        client.request("execute", project_id=project_id, prompt='tool: Write {"file_path": "x"}\nthen:\nsay: hello')
        question = data_of(client.wait_for(lambda message: message["type"] == "permission_request"))
        answer = {"permission_id": question["permission_id"], "behavior": "allow"}
        client.request("permission_response", project_id=project_id, **answer)
        client.wait_for_state(project_id, "IDLE")
        done = 'pocketagent_execution_seconds_count{job="pocketagent",result="done"} == 1'
        wait_until(lambda: prometheus.query(done), "the execution is seen")
        dashboard = json.loads((MONITORING / "dashboard.json").read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
        self.assertGreater(len(expressions), 30)
        for expression in expressions:
            filled = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
            self.assertTrue(prometheus.query(filled), f"nothing comes of {filled}")

    def test_every_metric_is_explained(self) -> None:
        """The table of docs/operations.md has each metric of a real server with its type, and no other."""
        house = self.watched()
        status, text = house.get("/metrics", authorization=f"Bearer {house.token('m', 'metrics')}")
        self.assertEqual(status, 200)
        told = set(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        page = (ROOT / "docs" / "operations.md").read_text().partition("\n## Metrics\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| `(\w+)`(?:, [^|]*)? \| (\w+) \|", page, re.MULTILINE)
        self.assertEqual(set(rows), told)
        labels = {
            name: set(re.findall(r"`(\w+)`", more))
            for name, more in re.findall(r"^\| `(\w+)`, by ([^|]*) \|", page, re.MULTILINE)
        }
        seen: dict[str, set[str]] = {}
        for name, inner in re.findall(r"^(\w+?)(?:_bucket|_count|_sum)?\{(.*)\} ", text, re.MULTILINE):
            seen.setdefault(name, set()).update(set(re.findall(r'(\w+)="', inner)) - {"le"})
        self.assertEqual({name: some for name, some in seen.items() if some}, labels)


class LogShippingTests(MonitoringCase):
    programs = ("rsyslogd",)  # with rsyslog-elasticsearch

    def test_rsyslog(self) -> None:
        """A line of the server's log is found again by its fields where rsyslog ships it, under the index template."""
        try:
            from osmem_server import OsmemServer  # type: ignore[import-untyped]
        except ImportError:
            self.skipTest("osmem-server is not installed")
        house = self.house("--log-format=json")
        with OsmemServer.start() as server:
            template = (MONITORING / "elasticsearch-template.json").read_bytes()
            self.assertTrue(asked(f"{server.url}/_index_template/pocketagent-logs", "PUT", template)["acknowledged"])
            directory = Path(self.mktemp()).resolve()
            directory.mkdir()
            host, port = server.url.removeprefix("http://").split(":")
            conf = (MONITORING / "rsyslog.conf").read_text()
            conf = conf.replace("/var/log/pocketagent/pocketagent.log", str(house.directory / "log"))
            conf = conf.replace("/var/log/pocketagent", str(directory))
            conf = conf.replace('server="127.0.0.1"', f'server="{host}"').replace('"9200"', f'"{port}"')
            (directory / "rsyslog.conf").write_text(f'global(workDirectory="{directory}")\n{conf}')
            rsyslogd = shutil.which("rsyslogd", path=PROGRAMS) or ""
            shipper = Monitor.start(directory, rsyslogd, "-n", "-f", "rsyslog.conf", "-i", "pid")
            self.addCleanup(shipper.stop)
            wanted = {"query": {"bool": {"filter": [{"term": {"log.level": "info"}}, {"match": {"message": "Ready"}}]}}}

            def found() -> Sequence[Mapping[str, Any]]:
                answer = asked(f"{server.url}/pocketagent-logs-*/_search", "POST", json.dumps(wanted).encode())
                hits: Sequence[Mapping[str, Any]] = (answer or {}).get("hits", {}).get("hits", ())
                return hits

            wait_until(found, f"the line is found: {shipper.log}")
            self.assertIn("Ready after", found()[0]["_source"]["message"])
