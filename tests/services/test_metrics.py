"""The metrics are those of the moment, and have no label without a bound."""

from collections.abc import Mapping

from pocketagent.domain.agent import BackgroundTasks, PermissionAsked
from pocketagent.domain.measures import Kind, Metric, Spread, gauge
from tests.services.workshop import WorkshopCase, done

Values = Mapping[tuple[str, ...], float | Spread]


class MetricsTests(WorkshopCase):
    def read(self) -> Mapping[str, Metric]:
        found = self.successResultOf(done(self.shop.services.metrics.read()))
        names = [metric.name.removeprefix("pocketagent_") for metric in found]
        self.assertEqual(len(names), len(set(names)))
        return dict(zip(names, found, strict=True))

    def values(self, name: str) -> Mapping[str, float]:
        """Of a metric with one label."""
        return {word: float(value) for (word,), value in self.read()[name].values.items()}  # type: ignore[arg-type]

    def value(self, name: str) -> float:
        (value,) = self.read()[name].values.values()
        assert not isinstance(value, Spread)
        return value

    def test_work(self) -> None:
        """Projects, queues, questions and processes are counted as they are now."""
        for number in range(3):
            self.project(f"/p{number}")
        first, second, third = (one.project.id for one in self.shop.services.projects.conversations)
        self.execute(first)
        self.execute(first, queue=True)
        self.run_.says(PermissionAsked("p", b"{}"))
        self.execute(second)
        self.run_.says(BackgroundTasks(b"{}", 1))
        self.turn()
        self.execute(third)
        self.run_.dies(1)
        self.assertEqual(self.values("projects"), {"idle": 1, "executing": 1, "error": 1})
        self.assertEqual(self.values("agent_processes"), {"working": 1, "warm": 1})
        self.assertEqual((self.value("queued_prompts"), self.value("permission_requests")), (1, 1))
        self.assertEqual((self.value("agent_memory_bytes"), self.value("agent_cpu_seconds_total")), (2000, 1.5))
        self.assertGreater(self.value("journal_bytes"), 1000)

    def test_connections(self) -> None:
        """Connections are counted by their state, also by those that nobody is in; and who cannot follow is."""
        project_id = self.project()
        late = self.join(project_id)
        late.state = "SUBSCRIBED"
        self.assertEqual(self.values("connections"), {"authenticated": 1, "subscribed": 1, "disconnecting": 0})
        self.assertEqual((self.value("connections_behind"), self.value("subscriptions_lagging")), (0, 0))
        late.is_behind = True
        self.execute(project_id)
        self.assertEqual((self.value("connections_behind"), self.value("subscriptions_lagging")), (1, 1))
        self.assertEqual(self.value("subscriptions"), 1)

    def test_health(self) -> None:
        """Each check is in one of its conditions."""
        self.shop.agent.fault = "It is too old."
        conditions = {labels: value for labels, value in self.read()["health"].values.items() if labels[0] == "claude"}
        self.assertEqual(conditions, {("claude", "healthy"): 0, ("claude", "degraded"): 1, ("claude", "unhealthy"): 0})
        self.assertEqual(self.value("disk_free_bytes"), 10**12)

    def test_machine_that_does_not_answer(self) -> None:
        """What the machine does not tell is left out: never a 0 that would look like a figure."""
        self.shop.host.free = self.shop.host.used = None
        self.assertFalse({"disk_free_bytes", "agent_memory_bytes", "agent_cpu_seconds_total"} & set(self.read()))

    def test_lateness(self) -> None:
        """Every second it is seen how late the server is."""
        self.shop.services.start()
        self.shop.clock.advance(1)
        self.shop.clock.advance(1.5)
        self.assertEqual(self.shop.measures.lateness.counts[:1], [1])
        self.assertAlmostEqual(self.shop.measures.lateness.total, 0.5)
        self.shop.services.stop()

    def test_other_floors(self) -> None:
        """Other floors tell of themselves; each time anew."""
        now = [1.0]
        self.shop.services.metrics.include(lambda: [gauge("other", "Something.", now[0])])
        self.assertEqual(self.value("other"), 1.0)
        now[0] = 2.0
        self.assertEqual(self.value("other"), 2.0)

    def test_names(self) -> None:
        """Names by Prometheus' rules: base units, and `_total` for what only rises and for nothing else."""
        for name, metric in self.read().items():
            self.assertRegex(name, r"\A[a-z]+(_[a-z]+)*\Z")
            self.assertEqual(metric.kind is Kind.COUNTER, name.endswith("_total"), name)
            self.assertNotRegex(name, "milli|_ms|_kb|_mb|_days|_minutes|_percent")
            if metric.kind is Kind.HISTOGRAM:
                self.assertTrue(name.endswith("_seconds"), name)
            self.assertTrue(metric.words.endswith(".") and metric.words[0].isupper())

    def test_bounded_labels(self) -> None:
        """AD-05: many projects, devices and paths make no more values than few."""
        before = {name: set(metric.values) for name, metric in self.read().items()}
        self.shop.project_limit = 50
        self.shop.start()
        for number in range(50):
            self.join(self.project(f"/somewhere/{number}"))
            self.shop.connect(name=f"device {number}")
        self.assertEqual({name: set(metric.values) for name, metric in self.read().items()}, before)
