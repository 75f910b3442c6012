"""What holds for every test: those in tests/, those of the examples, and the documents'."""

from __future__ import annotations

import hypothesis
import pytest

pytest.register_assert_rewrite("support")

pytest_plugins = ["pytester", "support.leak_guard"]

# A project of its own, which tests/whole/test_newcomer.py runs in an environment of its own.
collect_ignore = ["tests/newcomer"]

# The same cases in every run and on every machine, however slow it is today.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")
