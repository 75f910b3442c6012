"""The benchmarks of core_backend, side by side with every library that does the same.

Each library's figures come from the same run, in turns with the others'. Only ratios last.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from libraries import LIBRARIES, installed
from outcome import Goal
from plan import Plan
from service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).resolve().parent
_BENCHMARKS = (
    "shape",
    "cold",
    "imports",
    "avoided",
    "prefetch",
    "fanout",
    "warm",
    "expiry",
    "redaction",
    "size",
    "peers_faults",
)
_EXAMPLE = """\
example:
  python benchmarks cold warm --libraries core_backend,boto3 --rounds 5

All of it takes about half an hour, and wants a machine that does nothing else.
The figures go to benchmarks/results, and from there into docs/performance.md and
docs/reliability.md.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 0, also where a figure is not reached: it is reported."""
    options = _options(argv)
    libraries = installed(frozenset(options.libraries))
    for library in LIBRARIES:
        if library not in libraries and (not options.libraries or library.key in options.libraries):
            print(f"{library.label} is not installed, and not measured", file=sys.stderr)
    keep = None if options.quick else _HERE / "results"
    results: Path | None = options.results or keep
    with Service() as service:
        plan = Plan(libraries, service, options.rounds, options.quick)
        for name in options.only or _BENCHMARKS:
            outcome = importlib.import_module(name).run(plan)
            print(f"\n## {outcome.title}\n\n{outcome.table()}\n")
            if outcome.goals:
                print(f"{Goal.table(outcome.goals)}\n")
            if results is not None:
                outcome.write(results)
    if options.docs:
        importlib.import_module("documents").update(results or _HERE / "results")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "only",
        nargs="*",
        type=_one_of(_BENCHMARKS),
        metavar="NAME",
        help=f"any of {', '.join(_BENCHMARKS)}; all of them by default",
    )
    parser.add_argument(
        "--libraries",
        type=_some_of([library.key for library in LIBRARIES]),
        default=(),
        metavar="NAME,...",
        help=f"of {', '.join(library.key for library in LIBRARIES)}; by default all installed",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few rounds of the most telling cases; nothing is kept unless --results says where",
    )
    parser.add_argument(
        "--results", type=Path, metavar="FOLDER", help="where the figures are written"
    )
    parser.add_argument(
        "--docs",
        action="store_true",
        help="bring the tables and plots of these documents up to date",
    )
    return parser.parse_args(argv)


def _one_of(names: Sequence[str]) -> object:
    def parse(name: str) -> str:
        if name not in names:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return name

    return parse


def _some_of(names: Sequence[str]) -> object:
    def parse(text: str) -> tuple[str, ...]:
        given = tuple(name.strip() for name in text.split(",") if name.strip())
        for name in given:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return given

    return parse


if __name__ == "__main__":
    sys.exit(main())
