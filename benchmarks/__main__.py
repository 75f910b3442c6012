"""The benchmarks of core_backend, side by side with every library that does the same.

All libraries are measured in the same run, in turns. Only ratios last: another machine or a busier
hour changes all figures.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from outcome import Goal
from plan import LIBRARIES, PRICE, SDK_V4, Plan, find_libraries
from service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HERE = Path(__file__).resolve().parent
_BENCHMARKS = (
    "shape",
    "cold",
    "imports",
    "prefetch",
    "fanout",
    "warm",
    "expiry",
    "fleet",
    "redaction",
    "size",
    "peers_faults",
)
_KEYS = (*(library.key for library in LIBRARIES), SDK_V4)
_EXAMPLE = """\
examples:
  python benchmarks shape --quick
  python benchmarks cold warm --libraries core_backend,boto3 --rounds 5

All benchmarks together take 20 minutes, and want a machine that does nothing else. The figures go
to benchmarks/results. With --docs they go on from there to the documents.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks. A goal that is missed is reported, and does not fail the run."""
    options = _parse(argv)
    libraries = find_libraries(frozenset(options.libraries))
    for library in LIBRARIES:
        if library not in libraries and (not options.libraries or library.key in options.libraries):
            print(f"{library.label} is not installed, and not measured", file=sys.stderr)
    usual_results = None if options.quick else _HERE / "results"
    results: Path | None = options.results or usual_results
    with Service() as service:
        plan = Plan(
            libraries,
            service,
            rounds=options.rounds,
            quick=options.quick,
            memory=options.memory,
            price=options.price,
            measures_sdk_v4=SDK_V4 in options.libraries or not (options.libraries or options.quick),
        )
        for name in options.names or _BENCHMARKS:
            outcome = importlib.import_module(name).run(plan)
            print(f"\n## {outcome.title}\n")
            for text in outcome.tables.values():
                print(f"{text}\n")
            if outcome.goals:
                print(f"{Goal.format(outcome.goals)}\n", flush=True)
            if results is not None and outcome.rows:
                outcome.write(results)
    if options.docs:
        importlib.import_module("documents").update(results or _HERE / "results")
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python benchmarks",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names",
        nargs="*",
        type=_one_of(_BENCHMARKS),
        metavar="NAME",
        help=f"which to run, of {', '.join(_BENCHMARKS)}; by default all",
    )
    parser.add_argument(
        "--libraries",
        type=_list_of(_one_of(_KEYS)),
        default=(),
        metavar="KEY,...",
        help=f"which to measure, of {', '.join(_KEYS)}; by default all that are installed",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few rounds of the most telling cases; writes no figures, unless --results says "
        "where to",
    )
    parser.add_argument(
        "--memory",
        type=_list_of(int),
        default=(),
        metavar="MB,...",
        help="the memory sizes of shape",
    )
    parser.add_argument(
        "--price",
        type=float,
        default=PRICE,
        metavar="DOLLARS",
        help="Lambda's price per GB-second; by default %(default)s, which is for x86 in US East "
        "(source: https://aws.amazon.com/lambda/pricing/)",
    )
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="where to write the figures")
    parser.add_argument(
        "--docs",
        action="store_true",
        help="update the tables and plots of docs/performance.md and docs/reliability.md",
    )
    return parser.parse_args(argv)


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    def parse(name: str) -> str:
        if name not in names:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return name

    return parse


def _list_of(parse: Callable[[str], object]) -> Callable[[str], tuple[object, ...]]:
    return lambda text: tuple(parse(part.strip()) for part in text.split(",") if part.strip())


if __name__ == "__main__":
    # The tests' service, which peers_faults runs in this process.
    sys.path.append(str(_HERE.parent / "tests"))
    sys.exit(main())
