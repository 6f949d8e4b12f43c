# -*- test-case-name: tests.outbound.test_metrics -*-
"""Metrics as Prometheus reads them, by its own library."""

from collections.abc import Iterator, Sequence

from attrs import frozen
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from pocketagent.domain.measures import Kind, Metric, Spread

_PROCESS = ProcessCollector(registry=None)


@frozen
class Exposition(Collector):
    """What was read at one moment, and how the server's process is: memory, CPU time, open files."""

    metrics: Sequence[Metric]

    def collect(self) -> Iterator[Family]:
        for metric in self.metrics:
            yield _family(metric)
        yield from _PROCESS.collect()

    def written(self, accept: str) -> tuple[str, bytes]:
        """The content type and the text: in OpenMetrics where the Accept header names it, else in the older format.

        (The library's own choice fails at headers that are not well-formed.)
        """
        if "application/openmetrics-text" in accept:
            return openmetrics.CONTENT_TYPE_LATEST, openmetrics.generate_latest(self)
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self)


def _family(metric: Metric) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        spreads = HistogramMetricFamily(metric.name, metric.words, labels=metric.labels)
        for labels, spread in metric.values.items():
            assert isinstance(spread, Spread)
            bounds = [*map(floatToGoString, spread.bounds), "+Inf"]
            spreads.add_metric(labels, list(zip(bounds, map(float, spread.rising), strict=True)), spread.total)
        return spreads
    made = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = made(metric.name, metric.words, labels=metric.labels)
    for labels, value in metric.values.items():
        assert not isinstance(value, Spread)
        family.add_metric(labels, value)
    return family
