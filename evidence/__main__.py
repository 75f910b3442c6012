"""Evidence that anybody can make again: SBOMs, identical builds, signatures, responses, licences.

Prints a report, and writes it next to the SBOMs. Ends with 1 if a proof fails.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import builds
import conformance
import licences
import reading
import sbom
import signing
from dependencies import extras_of, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proof import Outcome

_EXAMPLE = """\
example:
  tox run -e evidence -- --cases 1000 --seed 7

Without options it takes a few minutes, and needs a package index for the dependencies.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run all proofs; return 0 if all hold, 1 if one fails."""
    options = _parse(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    outcomes = [*_prove(options)]
    text = report(outcomes)
    (options.output / "evidence-report.md").write_text(text)
    print(text)
    print(f"written to {options.output}", file=sys.stderr)
    return 1 if any(outcome.faults for outcome in outcomes) else 0


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the report as Markdown."""
    failed = sum(bool(outcome.faults) for outcome in outcomes)
    verdict = f"{failed} of {len(outcomes)} proofs failed" if failed else "All proofs hold"
    python = sys.version.split()[0]
    head = f"# Evidence for core_backend\n\n{verdict}, on Python {python} ({sys.platform}).\n"
    return "\n".join([head, *(outcome.markdown() for outcome in outcomes)])


def _prove(options: argparse.Namespace) -> Iterator[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        yield builds.prove(Path(folder))
        wheel = builds.built_wheel(Path(folder))
        resolved = {extra: resolve(wheel, extra) for extra in extras_of(wheel)}
    yield licences.prove(resolved)
    yield sbom.prove(resolved, options.output)
    yield signing.prove(options.cases, options.seed)
    yield reading.prove(options.cases, options.seed)
    yield conformance.prove()


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "evidence",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    help_ = "random requests, and random responses (default: 100,000 each)"
    parser.add_argument("--cases", type=int, default=100_000, metavar="N", help=help_)
    help_ = "where the random cases start (default: another one each time)"
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help=help_)
    help_ = "folder for the report and the SBOMs (default: build/evidence)"
    parser.add_argument("--output", type=Path, default=builds.ROOT / "build/evidence", help=help_)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
