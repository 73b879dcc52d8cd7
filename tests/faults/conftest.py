"""The black-box suite's fixtures and reports, for the fault cases too: `hc` is a fresh site (see tests/blackbox)."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BLACKBOX = HERE.parent / "blackbox"

sys.path.insert(0, str(HERE))
pytest.register_assert_rewrite("faults")
spec = importlib.util.spec_from_file_location("blackbox_conftest", BLACKBOX / "conftest.py")
blackbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blackbox)

hc = blackbox.hc
pytest_runtest_makereport = blackbox.pytest_runtest_makereport
pytest_report_header = blackbox.pytest_report_header
