"""What Prometheus reads: its own parser understands it, in both of its formats."""

from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as families
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.measures import Kind, Metric, Spread, by, counter, gauge, histogram
from pocketagent.outbound.metrics import Exposition


def took() -> Spread:
    spread = Spread((0.1, 1.0))
    for seconds in (0.05, 0.5, 5.0):
        spread.add(seconds)
    return spread


METRICS = [
    gauge("size_bytes", "How large.", 1.5),
    counter("seen_total", "How many.", 7),
    by("state", Kind.GAUGE, "things", "Things.", {"idle": 1, "busy": 0}),
    histogram("wait_seconds", "How long.", took()),
    Metric("pocketagent_two", Kind.GAUGE, "Two labels.", {("a", "b"): 1}, ("x", "y")),
]


class ExpositionTests(SynchronousTestCase):
    def samples(self, accept: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        content_type, text = Exposition(METRICS).written(accept)
        read = open_families if content_type.startswith("application/openmetrics-text") else families
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in read(text.decode())
            for sample in family.samples
        }

    def test_both_formats(self) -> None:
        """Each kind of metric is read back as what it was, whichever format was asked for."""
        for accept in ("", "*/*", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"):
            found = self.samples(accept)
            for name, labels, value in (
                ("size_bytes", {}, 1.5),
                ("seen_total", {}, 7),
                ("things", {"state": "idle"}, 1),
                ("things", {"state": "busy"}, 0),
                ("wait_seconds_bucket", {"le": "0.1"}, 1),
                ("wait_seconds_bucket", {"le": "1.0"}, 2),
                ("wait_seconds_bucket", {"le": "+Inf"}, 3),
                ("wait_seconds_count", {}, 3),
                ("wait_seconds_sum", {}, 5.55),
                ("two", {"x": "a", "y": "b"}, 1),
            ):
                self.assertAlmostEqual(found["pocketagent_" + name, tuple(sorted(labels.items()))], value)

    def test_formats(self) -> None:
        """The oldest format is for those who ask for none; OpenMetrics is for those who ask."""
        self.assertEqual(Exposition([]).written("")[0], "text/plain; version=0.0.4; charset=utf-8")
        content_type, text = Exposition([]).written("application/openmetrics-text; version=1.0.0")
        self.assertTrue(content_type.startswith("application/openmetrics-text; version=1.0.0"))
        self.assertTrue(text.endswith(b"# EOF\n"))

    def test_odd_accept(self) -> None:
        """Whatever stands in an Accept header, there is an answer."""
        for accept in (",,;;", "text/plain;version=x", "application/openmetrics-text;version=", "a" * 10_000):
            self.assertIn(b"pocketagent_size_bytes 1.5", Exposition(METRICS).written(accept)[1])

    def test_our_process(self) -> None:
        """The server's own memory, CPU time and open files come along."""
        found = self.samples("")
        self.assertGreater(found["process_resident_memory_bytes", ()], 10**6)
        self.assertGreater(found["process_cpu_seconds_total", ()], 0)
        self.assertAlmostEqual(found["process_open_fds", ()], len(list(Path("/proc/self/fd").iterdir())), delta=10)
