"""``invoke``: a handler under Lambda's runtime client, with secrets served on this machine."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.cli.aws import value_parameter
from core_backend.cli.output import print_json, print_table
from core_backend.cli.run import CommandError
from core_backend.cli.values import read_file
from core_backend.sources.sdk_logs import mask_sdk_logs
from core_backend.testing.local_lambda import InvocationFailedError, LambdaInitError, LocalLambda
from core_backend.testing.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from core_backend.cli.declarations import Declarations
    from core_backend.cli.run import Mask, Run
    from core_backend.testing.local_lambda import InvocationResult
    from core_backend.values import SecretBytes, SecretText

__all__ = ["Request", "invoke_locally"]

_REGION = "us-east-1"
_IN_ANOTHER_FOLDER = "If its code is in another folder, name that: --task-root src"
# What to do about an error that comes from how the command was called.
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


class Moment(NamedTuple):
    """Something that happened, for the timeline."""

    at: float
    """When, by ``time.monotonic()``."""
    what: str


class Invocation(NamedTuple):
    """One event, and the function's answer."""

    number: int
    sent: float
    answered: float
    result: InvocationResult

    @property
    def failed(self) -> bool:
        """Whether the function answered with an error, or not at all."""
        return self.result.error is not None

    @property
    def text(self) -> str:
        """The answer as JSON, or as it is if it is not JSON; or the error, without its stack."""
        if (error := self.result.error) is not None:
            return f"{error.type}: {error.message}"
        try:
            return json.dumps(self.result.payload, indent=2, ensure_ascii=False)
        except InvocationFailedError:
            # Decoded as the mask decodes a value of bytes, so that it finds one here.
            return self.result.body.decode("utf-8", "replace")


def invoke_locally(run: Run, request: Request) -> None:
    """Run the handler, and print results, log and timeline.

    Raises:
        CommandError: The function did not start, or an invocation failed.
    """
    event = _read_event(request.event)
    values = _read_values(run, request)
    with MotoServer(region=run.region or _REGION) as server:
        variables = _create_secrets(server, request, values)
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
                moments, invocations = _play(function, event, request)
            except LambdaInitError as error:
                _print_log(run.mask, error.log_lines)
                # The message is the handler's own. It is masked when it is shown.
                what = f"{error.report.type}: {error.report.message}".partition("\n")[0]
                hint = _IN_ANOTHER_FOLDER if "ImportModuleError" in what else ""
                raise CommandError(f"the function did not start: {what}", hint) from None
            log = function.log_lines
        for at, call in list(zip(server.call_times, server.calls, strict=True))[before:]:
            moments.append(Moment(at, f"{call.operation} {call.secret_id or ''}".rstrip()))
    if run.output == "json":
        _print_json(run.mask, invocations, log, moments)
    else:
        _print_results(run.mask, invocations)
        _print_log(run.mask, log)
        _print_timeline(moments)
    _raise_if_failed(invocations)


def _read_event(file: Path | None) -> Any:
    if file is None:
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        fault = type(error).__name__
    raise CommandError(f"{file} cannot be read as JSON ({fault})", "Correct the event.")


def _read_values(run: Run, request: Request) -> dict[str, SecretText | SecretBytes]:
    """Return the values in the file, by the names of their secrets."""
    if request.secrets_file is None or request.declared is None:
        return {}
    given = read_file(request.secrets_file, request.declared, base64_binary=True)
    for one in given:
        run.mask.add(one.value)
    return {one.secret.name: one.value for one in given}


def _create_secrets(
    server: MotoServer, request: Request, values: Mapping[str, SecretText | SecretBytes]
) -> dict[str, str]:
    """Create the declared secrets, and return the variables that carry their real names."""
    client = server.client()
    mask_sdk_logs()
    variables: dict[str, str] = {}
    for secret in request.declared.secrets if request.declared else ():
        real_name = secret.real_name(request.env_name)
        variables.update(dict.fromkeys(secret.env_keys, real_name))
        client.create_secret(Name=real_name)
        # Without a value, a secret stays as it is after a deployment: it exists and is empty.
        if (value := values.get(secret.name)) is not None:
            client.put_secret_value(SecretId=real_name, **value_parameter(value))
    return variables


def _play(
    function: LocalLambda, event: object, request: Request
) -> tuple[list[Moment], list[Invocation]]:
    """Start the function, and send the requested rounds of events, each with as many at once.

    Raises:
        LambdaInitError: It does not start.
    """
    moments = [Moment(time.monotonic(), "the function starts")]
    function.start()
    if request.snap_start:
        moments.append(Moment(time.monotonic(), "it has started, and is restored from a snapshot"))
        function.restore()
        moments.append(Moment(time.monotonic(), "it is restored"))
    else:
        moments.append(Moment(time.monotonic(), "it has started"))

    def invoke(number: int) -> Invocation:
        sent = time.monotonic()
        result = function.invoke(event)
        return Invocation(number, sent, time.monotonic(), result)

    together = request.concurrency or 1
    invocations: list[Invocation] = []
    with ThreadPoolExecutor(together) as pool:
        for first in range(1, request.repeat * together + 1, together):
            # All of these are answered before the next ones are sent.
            invocations += pool.map(invoke, range(first, first + together))
    for one in invocations:
        moments.append(Moment(one.sent, f"invocation {one.number} is sent"))
        moments.append(Moment(one.answered, f"invocation {one.number} is answered"))
    return moments, invocations


def _print_json(
    mask: Mask, invocations: Iterable[Invocation], log: Sequence[str], moments: Iterable[Moment]
) -> None:
    print_json(
        {
            "invocations": [
                {
                    "number": one.number,
                    "failed": one.failed,
                    "answer": mask.text(one.text),
                    "milliseconds": round(one.result.duration * 1000, 1),
                }
                for one in invocations
            ],
            "log": mask.text("\n".join(log)).splitlines(),
            "timeline": [
                {"milliseconds": round(at, 1), "event": what} for at, what in _relative(moments)
            ],
        }
    )


def _print_results(mask: Mask, invocations: Iterable[Invocation]) -> None:
    for text, group in groupby(invocations, key=lambda one: one.text):
        same = list(group)
        numbers = f"{same[0].number}" if len(same) == 1 else f"{same[0].number}-{same[-1].number}"
        what = "Error" if same[0].failed else "Result"
        times = ", ".join(f"{one.result.duration * 1000:.1f}" for one in same)
        sys.stdout.write(f"{what} of invocation {numbers}, after {times} ms:\n")
        sys.stdout.write(f"{_indent(mask, [text])}\n")


def _print_log(mask: Mask, lines: Sequence[str]) -> None:
    if lines:
        sys.stdout.write(f"Log:\n{_indent(mask, lines)}\n")


def _indent(mask: Mask, lines: Iterable[str]) -> str:
    text = mask.text("\n".join(lines))
    return "".join(f"  {line}\n" for line in text.splitlines())


def _print_timeline(moments: Iterable[Moment]) -> None:
    rows = [(f"{at:8.1f}", what) for at, what in _relative(moments)]
    print_table(("      MS", "TIMELINE"), rows, styles={})


def _relative(moments: Iterable[Moment]) -> list[tuple[float, str]]:
    """Return what happened, in order, with the milliseconds since the start."""
    ordered = sorted(moments)
    return [((moment.at - ordered[0].at) * 1000, moment.what) for moment in ordered]


def _raise_if_failed(invocations: Sequence[Invocation]) -> None:
    errors = [one.result.error.type for one in invocations if one.result.error is not None]
    if errors:
        kinds = ", ".join(dict.fromkeys(errors))
        raise CommandError(
            f"{len(errors)} of {len(invocations)} invocations failed: {kinds}",
            _NEXT_STEPS.get(errors[0], "See the log above."),
        )
