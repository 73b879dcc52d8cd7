"""What these tests share: where the build is, and the README's code blocks."""

import os
import re
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BUILD = REPO / os.environ.get("HOOKCAST_BUILD", "build")


@pytest.fixture
def repo():
    return REPO


@pytest.fixture
def build():
    return BUILD


@pytest.fixture
def blocks():
    """The README's code blocks as (language, text), in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (REPO / "README.md").read_text(), re.M | re.S)
