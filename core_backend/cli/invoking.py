"""``invoke``: a handler under the Lambda runtime client, with secrets served on this machine."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from core_backend.cli.aws import stored
from core_backend.cli.errors import CommandError
from core_backend.cli.files import read_values
from core_backend.cli.local_run import Moment, play
from core_backend.cli.output import print_table
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.testing.local_lambda import LambdaInitError, LocalLambda
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from core_backend.cli.declarations import Declarations
    from core_backend.cli.local_run import Invocation
    from core_backend.cli.masking import Masked
    from core_backend.cli.run import Run
    from core_backend.values import SecretBytes, SecretText

__all__ = ["Request", "invoke_locally"]

_REGION = "us-east-1"
# What to do about an error that comes of how the command was called.
_NEXT_STEPS = {
    "MissingEnvError": "Pass --names, the module of its secrets; or --variable KEY=VALUE.",
    "SecretNotSetError": "Pass --secrets-file, a file that has a value for it.",
    "Sandbox.Timedout": "Pass a longer --timeout, or see the log above.",
}


@dataclass(frozen=True)
class Request:
    """What the command was given."""

    handler: str
    task_root: Path
    event: Path | None
    declared: Declarations | None
    env_name: str
    secrets_file: Path | None
    variables: Mapping[str, str]
    repeat: int
    concurrency: int | None
    snap_start: bool
    timeout: float


def invoke_locally(run: Run, request: Request) -> None:
    """Run the handler, and print what came of it.

    Raises:
        CommandError: The function did not start, or an invocation failed.
    """
    event = _event(request.event)
    values = _values(run, request)
    with MotoServer(region=run.region or _REGION) as server:
        variables = _fill(server, request, values)
        before = len(server.calls)
        with LocalLambda(
            request.handler,
            request.task_root,
            env={**server.env, **variables, **request.variables},
            timeout=request.timeout,
            region=run.region or _REGION,
            concurrency=request.concurrency,
            snap_start=request.snap_start,
        ) as function:
            try:
                moments, invocations = play(
                    function,
                    event,
                    repeat=request.repeat,
                    together=request.concurrency or 1,
                    snap_start=request.snap_start,
                )
            except LambdaInitError as error:
                _print_log(run.masked, error.log_lines)
                raise _not_started(error) from None
            log = function.log_lines
        for at, call in list(zip(server.call_times, server.calls, strict=True))[before:]:
            moments.append(Moment(at, f"{call.operation} {call.secret_id or ''}".rstrip()))
    _print_results(run.masked, invocations)
    _print_log(run.masked, log)
    _print_timeline(moments)
    _judge(invocations)


def _event(file: Path | None) -> Any:
    if file is None:
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        fault = type(error).__name__
    raise CommandError(f"{file} is no JSON that can be read ({fault})", "Correct the event.")


def _values(run: Run, request: Request) -> dict[str, SecretText | SecretBytes]:
    """Return the values of the file, by the names of their secrets."""
    if request.secrets_file is None or request.declared is None:
        return {}
    given = read_values(request.secrets_file, request.declared, base64_binary=True)
    for one in given:
        run.masked.add(one.value)
    return {one.secret.name: one.value for one in given}


def _fill(
    server: MotoServer, request: Request, values: Mapping[str, SecretText | SecretBytes]
) -> dict[str, str]:
    """Create the declared secrets, and return the variables that carry their real names."""
    client = server.client()
    mask_sdk_logs()
    variables: dict[str, str] = {}
    for secret in request.declared.secrets if request.declared else ():
        variables[secret.env_key] = real_name = secret.real_name(request.env_name)
        client.create_secret(Name=real_name)
        # One without a value stays as it is after a deployment: there, and empty.
        if (value := values.get(secret.name)) is not None:
            client.put_secret_value(SecretId=real_name, **stored(value))
    return variables


def _print_results(masked: Masked, invocations: Iterable[Invocation]) -> None:
    for text, group in groupby(invocations, key=lambda one: one.text):
        same = list(group)
        numbers = f"{same[0].number}" if len(same) == 1 else f"{same[0].number}-{same[-1].number}"
        what = "Error" if same[0].failed else "Result"
        times = ", ".join(f"{one.result.duration * 1000:.1f}" for one in same)
        sys.stdout.write(f"{what} of invocation {numbers}, after {times} ms:\n")
        sys.stdout.write(f"{_indented(masked, [text])}\n")


def _print_log(masked: Masked, lines: Sequence[str]) -> None:
    if lines:
        sys.stdout.write(f"Log:\n{_indented(masked, lines)}\n")


def _indented(masked: Masked, lines: Iterable[str]) -> str:
    text = masked.text("\n".join(lines))
    return "".join(f"  {line}\n" for line in text.splitlines())


def _print_timeline(moments: Iterable[Moment]) -> None:
    ordered = sorted(moments)
    start = ordered[0].at
    rows = [(f"{(moment.at - start) * 1000:8.1f}", moment.what) for moment in ordered]
    print_table(("      MS", "TIMELINE"), rows, styles={})


def _not_started(error: LambdaInitError) -> CommandError:
    # The message is the handler's own; what a command fails with is masked when it is shown.
    what = f"{error.report.type}: {error.report.message}".partition("\n")[0]
    return CommandError(f"the function did not start: {what}")


def _judge(invocations: Sequence[Invocation]) -> None:
    errors = [one.result.error.type for one in invocations if one.result.error is not None]
    if errors:
        kinds = ", ".join(dict.fromkeys(errors))
        raise CommandError(
            f"{len(errors)} of {len(invocations)} invocations failed: {kinds}",
            _NEXT_STEPS.get(errors[0], "See the log above."),
        )
