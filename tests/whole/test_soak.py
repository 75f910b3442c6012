"""That the soak runs, and that it would see what grows. Minutes of it: ``tox run -e soak``."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.soak import __main__ as soak
from support.soak.figures import MOST_MORE, Figures, faults
from support.soak.service import environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


def test_a_short_one_finds_that_nothing_grows():
    done = subprocess.run(
        [sys.executable, "-m", "support.soak", "--fetches", "1200", "--hits", "20000"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing has grown" in done.stdout
    assert "hits" in done.stderr  # the progress


def test_what_grows_is_named():
    first = Figures("first", 0, 0, files=10, threads=1, tasks=0, objects=10_000, memory=20.0)
    tenth = first._replace(when="tenth", files=14, threads=2, objects=12_000, memory=25.0)
    later = tenth._replace(when="later", files=24, objects=12_500, memory=28.0)
    assert faults([first, tenth, later, first]) == []
    for name, most in MOST_MORE.items():
        grown = later._replace(**{name: getattr(tenth, name) + most + 1})
        [fault] = faults([first, tenth, grown, first])
        assert name in fault
    left = first._replace(when="last", files=11, threads=2, tasks=1)
    assert len(faults([first, tenth, later, left])) == 3


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit):
        soak.main(["--help"])
    assert "tox run -e soak" in capsys.readouterr().out
