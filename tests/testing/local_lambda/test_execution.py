"""Processes that end, time out or do not start; what the environment holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.handlers import ECHO, ENDS, ENVIRONMENT
from support.processes import state_of

from core_backend.testing.local_lambda import LambdaInitError, LocalLambda, execution

pytestmark = pytest.mark.usefixtures("unmeasured")


@pytest.mark.parametrize(
    ("event", "how"),
    [
        ("exit", "Runtime exited with error: exit status 7"),
        ("leave", "Runtime exited without providing a reason"),
        ("kill", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_an_error_and_the_next_invocation_starts_another(
    task_root, event, how
):
    with LocalLambda(task_root=task_root(ENDS)) as function:
        pid = function.invoke().payload
        result = function.invoke(event)
        after = function.invoke()
    assert result.error is not None
    assert result.error.type == "Runtime.ExitError"
    assert result.error.message == f"RequestId: {result.request_id} Error: {how}"
    assert result.log_lines[0] == f"before {event}"
    assert after.payload != pid
    assert after.init_duration is not None


def test_a_timeout_is_an_error_and_ends_the_process(task_root):
    with LocalLambda(task_root=task_root(ENDS), timeout=20) as function:
        pid = function.invoke().payload
        result = function.invoke("hang", timeout=1)
        assert state_of(pid) is None
        assert function.invoke().payload != pid
    assert result.error is not None
    assert result.error.type == "Sandbox.Timedout"
    assert result.error.message.endswith("Task timed out after 1.00 seconds")
    assert result.duration > 0
    assert result.log_lines == ("before hang",)


def test_the_context_has_the_deadline_and_the_functions_names(task_root):
    source = """
        def handler(event, context):
            return [context.get_remaining_time_in_millis(), context.aws_request_id,
                    context.invoked_function_arn, context.function_name]
    """
    with LocalLambda(
        task_root=task_root(source), timeout=30, function_name="charge", region="eu-west-1"
    ) as function:
        result = function.invoke()
    left, request_id, arn, name = result.payload
    assert 20_000 < left <= 30_000
    assert request_id == result.request_id
    assert arn == "arn:aws:lambda:eu-west-1:123456789012:function:charge"
    assert name == "charge"


def test_the_function_sees_lambdas_environment_and_not_the_developers(task_root, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "developer")
    monkeypatch.setenv("STRIPE_API_KEY", "of another test")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    folder = task_root(ENVIRONMENT)
    with LocalLambda(task_root=folder, env={"LEVEL": "high"}, region="eu-west-1") as function:
        payload = function.invoke().payload
    env = payload["env"]
    assert "AWS_PROFILE" not in env
    assert "STRIPE_API_KEY" not in env
    assert env["LEVEL"] == "high"
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert env["AWS_LAMBDA_FUNCTION_NAME"] == "local"
    assert env["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python3.{sys.version_info.minor}"
    assert env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert env["_HANDLER"] == "handler.handler"
    assert env["LAMBDA_TASK_ROOT"] == payload["cwd"] == payload["path"][0] == str(folder)


def test_relative_folders_on_the_path_are_resolved(task_root, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"here{os.pathsep}there")
    with LocalLambda(task_root=task_root(ENVIRONMENT)) as function:
        path = function.invoke().payload["path"]
    assert path[1:3] == [str(Path("here").resolve()), str(Path("there").resolve())]


def test_a_module_that_cannot_be_loaded_raises_the_error_with_the_log(task_root):
    folder = task_root("print('on the way')\nimport nowhere_to_be_found")
    with (
        LocalLambda(task_root=folder) as function,
        pytest.raises(LambdaInitError, match=r"No module named 'nowhere_to_be_found'") as e,
    ):
        function.invoke()
    assert e.value.report.type == "Runtime.ImportModuleError"
    assert e.value.log_lines[0] == "on the way"
    assert "  on the way" in str(e.value)


def test_a_start_whose_process_ends_says_how_it_ended(task_root):
    with (
        LocalLambda(task_root=task_root("import os; os._exit(4)")) as function,
        pytest.raises(LambdaInitError, match=r"exit status 4$") as e,
    ):
        function.start()
    assert e.value.report.type == "Runtime.ExitError"


def test_a_start_that_takes_too_long_is_ended(task_root, monkeypatch):
    started = []

    class Recorded(execution.LambdaProcess):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self._process.pid)

    monkeypatch.setattr(execution, "LambdaProcess", Recorded)
    folder = task_root("import time; time.sleep(60)")
    with LocalLambda(task_root=folder, init_timeout=0.2) as function:
        with pytest.raises(LambdaInitError, match=r"not ready after 0\.2 seconds"):
            function.start()
        assert [state_of(pid) for pid in started] == [None]


def test_a_failed_start_can_be_repeated(task_root):
    with LocalLambda(task_root=task_root("def handler(")) as function:
        with pytest.raises(LambdaInitError, match=r"Runtime\.UserCodeSyntaxError"):
            function.invoke()
        task_root(ECHO)
        assert function.invoke(1).payload["event"] == 1
