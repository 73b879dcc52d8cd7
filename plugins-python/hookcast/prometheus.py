"""A MetricsCounter in Prometheus' formats, by Debian's python3-prometheus-client."""

from .errors import PluginError

try:
    import prometheus_client
    from prometheus_client.core import CounterMetricFamily
except ImportError:
    prometheus_client = None

MISSING = "the Python module prometheus_client is missing: apt install python3-prometheus-client"


class CounterCollector:
    """Reads a counter whenever it is collected; keeps no values of its own."""

    def __init__(self, counter):
        self._counter = counter

    def collect(self):
        for name, series in self._counter.snapshot():
            family = CounterMetricFamily(name, "Counted from hookcast events.")
            for labels, value in series:
                family.add_sample(name + "_total", labels, value)
            yield family


class Exposition:
    """Renders one counter. Raises PluginError with a remedy when the library is not installed."""

    def __init__(self, counter):
        if prometheus_client is None:
            raise PluginError(MISSING)
        self._registry = prometheus_client.CollectorRegistry()
        self._registry.register(CounterCollector(counter))

    def text(self):
        """Prometheus text format 0.0.4, as bytes."""
        return prometheus_client.generate_latest(self._registry)

    def negotiate(self, accept):
        """(content type, bytes) for an HTTP Accept header: the text format or OpenMetrics."""
        encode, content_type = prometheus_client.exposition.choose_encoder(accept)
        return content_type, encode(self._registry)
