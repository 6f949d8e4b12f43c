#!/usr/bin/env python3
"""The Grafana dashboard, as code: `python conf/monitoring/dashboard.py` writes dashboard.json beside it anew.

A row is a question that a person has; a panel is a title, a unit and what is drawn, as PromQL and its legend.
"""

import json
from collections.abc import Sequence
from pathlib import Path

FILE = Path(__file__).with_name("dashboard.json")
SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT = 24, 7

Panel = tuple[str, str, Sequence[tuple[str, str]]]


def quantiles(metric: str, *more: str) -> Sequence[tuple[str, str]]:
    """Half of the times, and nearly all of them, are shorter."""
    by = ", ".join(("le", *more))
    rates = f"sum by ({by}) (rate(pocketagent_{metric}_bucket{{SERVER}}[$__rate_interval]))"
    return [(f"histogram_quantile({share}, {rates})", f"{share:.0%}") for share in (0.5, 0.95)]


ROWS: Sequence[tuple[str, Sequence[Panel]]] = [
    ("Is it well?", [
        ("Answers", "none", [("up{SERVER}", "{{instance}}")]),
        ("Not well", "none", [
            ('sum by (check, condition) (pocketagent_health{SERVER, condition!="healthy"})', "{{check}} {{condition}}"),
        ]),
        ("Version", "none", [("pocketagent_build_info{SERVER}", "{{version}} on Python {{python}}")]),
        ("Certificate expires in", "s", [
            ("pocketagent_certificate_expires_timestamp_seconds{SERVER} - time()", "{{instance}}"),
        ]),
    ]),
    ("What is done?", [
        ("Projects", "none", [("sum by (state) (pocketagent_projects{SERVER})", "{{state}}")]),
        ("Executions that ended", "none", [
            ("sum by (result) (increase(pocketagent_execution_seconds_count{SERVER}[$__rate_interval]))", "{{result}}"),
        ]),
        ("How long executions take", "s", quantiles("execution_seconds")),
        ("Until the first words", "s", quantiles("first_output_seconds")),
        ("What waits", "none", [
            ("sum(pocketagent_queued_prompts{SERVER})", "prompts"),
            ("sum(pocketagent_permission_requests{SERVER})", "questions"),
        ]),
        ("Until people answer", "s", quantiles("permission_wait_seconds")),
    ]),
    ("Who listens?", [
        ("Connections", "none", [("sum by (state) (pocketagent_connections{SERVER})", "{{state}}")]),
        ("Subscriptions", "none", [
            ("sum(pocketagent_subscriptions{SERVER})", "all"),
            ("sum(pocketagent_subscriptions_lagging{SERVER})", "lagging"),
            ("sum(pocketagent_connections_behind{SERVER})", "connections behind"),
        ]),
        ("Sent", "Bps", [("sum(rate(pocketagent_sent_bytes_total{SERVER}[$__rate_interval]))", "bytes")]),
        ("Messages sent", "cps", [("sum(rate(pocketagent_sent_frames_total{SERVER}[$__rate_interval]))", "messages")]),
        ("Turned away", "none", [
            ("sum by (reason) (increase(pocketagent_auth_failures_total{SERVER}[$__rate_interval]))", "{{reason}}"),
            ("sum(increase(pocketagent_rate_limited_total{SERVER}[$__rate_interval]))", "too fast"),
        ]),
        ("Strangers", "none", [
            ("sum(pocketagent_connections_unknown{SERVER})", "waiting to be known"),
            ("sum(increase(pocketagent_connections_dropped_total{SERVER}[$__rate_interval]))", "gone unanswered"),
        ]),
    ]),
    ("What does it cost?", [
        ("The server's delay", "s", quantiles("reactor_delay_seconds")),
        ("CPU", "percentunit", [
            ("sum(rate(process_cpu_seconds_total{SERVER}[$__rate_interval]))", "server"),
            ("sum(rate(pocketagent_agent_cpu_seconds_total{SERVER}[$__rate_interval]))", "agents"),
        ]),
        ("Memory", "bytes", [
            ("sum(process_resident_memory_bytes{SERVER})", "server"),
            ("sum(pocketagent_agent_memory_bytes{SERVER})", "agents"),
        ]),
        ("Processes of the CLI", "none", [("sum by (state) (pocketagent_agent_processes{SERVER})", "{{state}}")]),
        ("Open files", "percentunit", [("process_open_fds{SERVER} / process_max_fds{SERVER}", "{{instance}}")]),
    ]),
    ("What is kept?", [
        ("Journals", "bytes", [("sum(pocketagent_journal_bytes{SERVER})", "all journals")]),
        ("Disk", "bytes", [("pocketagent_disk_free_bytes{SERVER}", "free on {{instance}}")]),
        ("Journals that cannot be written", "none", [("sum(pocketagent_journals_stuck{SERVER})", "journals")]),
        ("Writing", "s", quantiles("journal_append_seconds")),
        ("Making durable", "s", quantiles("journal_sync_seconds")),
    ]),
]  # fmt: skip


def expressions() -> Sequence[str]:
    """Every one, as Grafana has it before it fills in its variables."""
    return [_filled(query) for _, panels in ROWS for _, _, queries in panels for query, _ in queries]


def dashboard() -> dict[str, object]:
    return {
        "uid": "pocketagent",
        "title": "Pocket Agent Server",
        "tags": ["pocketagent"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {"name": "source", "label": "Source", "type": "datasource", "query": "prometheus"},
            {
                "name": "instance", "label": "Server", "type": "query", "datasource": SOURCE, "refresh": 2,
                "query": "label_values(pocketagent_build_info, instance)",
                "includeAll": True, "multi": True, "allValue": ".*",
            },
        ]},
        "panels": list(_panels()),
    }  # fmt: skip


def _panels() -> Sequence[dict[str, object]]:
    made: list[dict[str, object]] = []
    top = 0
    for row, panels in ROWS:
        made.append({
            "id": len(made) + 1, "type": "row", "title": row, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        })  # fmt: skip
        top += 1
        wide = WIDTH // min(len(panels), 3)
        for number, (title, unit, queries) in enumerate(panels):
            line, column = divmod(number, 3)
            place = {"x": column * wide, "y": top + line * HEIGHT, "w": wide, "h": HEIGHT}
            made.append(_panel(len(made) + 1, title, unit, queries, place))
        top += (len(panels) + 2) // 3 * HEIGHT
    return made


def _panel(
    number: int, title: str, unit: str, queries: Sequence[tuple[str, str]], place: dict[str, int]
) -> dict[str, object]:
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": _filled(query), "legendFormat": legend}
            for at, (query, legend) in enumerate(queries)
        ],
    }


def _filled(query: str) -> str:
    return query.replace("SERVER", 'job=~"pocketagent.*", instance=~"$instance"')


def written() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(written())
