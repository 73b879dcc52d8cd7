"""Fixtures: `hc` is a fresh site; the log of every open one is shown beside a failure."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.register_assert_rewrite("harness", "client")

import harness  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, f"report_{report.when}", report)
    if report.failed:
        for site in harness.LIVE:
            report.sections.append((f"hookcastd in {site.dir}", site.log_tail()))


@pytest.fixture
def hc(request):
    """A site of one's own. Its checks at the end run only when the test itself passed."""
    site = harness.Site()
    yield site
    report = getattr(request.node, "report_call", None)
    site.close(failed=report is None or report.failed)


def pytest_report_header(config):
    return f"hookcast: {harness.BUILD}, time limits x{harness.SCALE:g}"
