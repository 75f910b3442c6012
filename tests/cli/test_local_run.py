"""``invoke``: a handler run as Lambda runs it, with masked output and a timeline."""

from __future__ import annotations

import base64
import json
import logging
import re

import pytest

NAMES = ("--names", "names.py", "--secrets-file", "local.json")
HANDLER = """
    import json
    import os

    from core_backend import async_handler, get_env, get_secrets
    from names import SIGNING_KEY, STRIPE_API_KEY

    print(f"pid {os.getpid()}")

    @async_handler
    async def handler(event, context):
        stripe, signing = await get_secrets(get_env(STRIPE_API_KEY), get_env(SIGNING_KEY))
        print("leaked", stripe, json.dumps({"signing": signing}))
        return {"event": event, "leaked": stripe, "length": len(signing)}
"""


@pytest.fixture(autouse=True)
def _function(declare, tmp_path):
    """A handler that shows what it should not, its names, values and an event."""
    declare(HANDLER, "handler.py")
    values = {"stripe-api-key": "pl4nted-1", "SIGNING_KEY": {"a": "pl4nted\n2"}}
    (tmp_path / "local.json").write_text(json.dumps(values))
    (tmp_path / "event.json").write_text('{"amount": 12}')


def timeline_of(result):
    """Return what happened, in its order."""
    rows = result.out.partition("MS  TIMELINE\n")[2]
    cells = [re.split(r"\s{2,}", row.strip()) for row in rows.splitlines()]
    times = [float(time) for time, _ in cells]
    assert times == sorted(times)
    assert times[0] == 0
    return [what for _, what in cells]


def test_it_shows_the_result_the_log_and_the_timeline(run):
    result = run("invoke", "handler.handler", "--event", "event.json", *NAMES)

    assert (result.code, result.err) == (0, "")
    assert re.search(r"^Result of invocation 1, after [\d.]+ ms:$", result.out, re.MULTILINE)
    shown = result.out.partition("ms:\n")[2].partition("Log:")[0]
    assert json.loads(shown) == {"event": {"amount": 12}, "leaked": "***", "length": 19}
    assert '  leaked *** {"signing": "***"}\n' in result.out
    happened = timeline_of(result)
    assert happened[:3] == ["the function starts", "it has started", "invocation 1 is sent"]
    # Both are asked for at once, and come in any order.
    assert set(happened[3:5]) == {
        "GetSecretValue local/stripe-api-key",
        "GetSecretValue local/signing-key",
    }
    assert happened[5:] == ["invocation 1 is answered"]


def test_json_output_has_answers_log_and_timeline(run):
    result = run("invoke", "handler.handler", *NAMES, "--repeat", "2", "--output", "json")

    assert (result.code, result.err) == (0, "")
    shown = json.loads(result.out)
    assert [(one["number"], one["failed"]) for one in shown["invocations"]] == [
        (1, False),
        (2, False),
    ]
    assert all(one["milliseconds"] > 0 for one in shown["invocations"])
    assert json.loads(shown["invocations"][0]["answer"]) == {
        "event": None,
        "leaked": "***",
        "length": 19,
    }
    assert 'leaked *** {"signing": "***"}' in shown["log"]
    assert shown["timeline"][0] == {"milliseconds": 0, "event": "the function starts"}
    assert shown["timeline"][-1]["event"] == "invocation 2 is answered"


def test_no_value_is_logged_at_debug(run, declare):
    declare("""
        import logging

        from core_backend import SecretName

        logging.basicConfig(level=logging.DEBUG)
        STRIPE_API_KEY = SecretName("stripe-api-key")
        SIGNING_KEY = SecretName("signing-key")
    """)
    before = logging.root.handlers[:]

    assert run("invoke", "handler.handler", *NAMES).code == 0
    logging.root.handlers = before


def test_a_warm_function_fetches_nothing(run):
    result = run("invoke", "handler.handler", *NAMES, "--repeat", "3")

    assert result.code == 0
    assert re.search(
        r"^Result of invocation 1-3, after ([\d.]+, ){2}[\d.]+ ms:$", result.out, re.MULTILINE
    )
    happened = timeline_of(result)
    assert [what for what in happened if "Get" in what] == happened[3:5]
    assert happened[-1] == "invocation 3 is answered"


def test_different_results_are_shown_separately(run, declare):
    declare(
        """
        count = 0

        def handler(event, context):
            global count
            count += 1
            return count // 2
        """,
        "handler.py",
    )

    result = run("invoke", "handler.handler", "--repeat", "3")

    assert re.findall(r"Result of invocation ([\d-]+), after [\d., ]+ ms:\n  (\d)", result.out) == [
        ("1", "0"),
        ("2-3", "1"),
    ]


def test_several_workers_get_events_at_the_same_time(run):
    result = run("invoke", "handler.handler", *NAMES, "--concurrency", "2", "--repeat", "2")

    assert result.code == 0
    happened = timeline_of(result)
    assert happened.index("invocation 3 is sent") > happened.index("invocation 2 is answered")
    assert len(set(re.findall(r"pid (\d+)", result.out))) == 2


def test_a_snapshot_is_taken_and_restored(run):
    result = run("invoke", "handler.handler", *NAMES, "--snap-start")

    assert result.code == 0
    assert timeline_of(result)[1:4] == [
        "it has started, and is restored from a snapshot",
        "it is restored",
        "invocation 1 is sent",
    ]


def test_secrets_without_a_value_are_empty(run, tmp_path):
    (tmp_path / "local.json").write_text('{"stripe-api-key": "pl4nted-1"}')

    result = run("invoke", "handler.handler", *NAMES, "--env", "dev")

    assert result.code == 1
    assert "Error of invocation 1, after " in result.out
    assert "SecretNotSetError: secret 'dev/signing-key'" in result.out
    assert "GetSecretValue dev/stripe-api-key" in timeline_of(result)
    assert result.err.splitlines() == [
        "Error: 1 of 1 invocations failed: SecretNotSetError",
        "Pass --secrets-file, a file that has a value for it.",
    ]


def test_a_handler_without_its_variables_is_told_to_pass_names(run):
    result = run("invoke", "handler.handler")

    assert result.code == 1
    assert result.err.splitlines() == [
        "Error: 1 of 1 invocations failed: MissingEnvError",
        "Pass --names, the module of its secrets; or --variable KEY=VALUE.",
    ]


def test_variables_and_region_reach_the_function(run, declare):
    declare(
        """
        import os

        def handler(event, context):
            return [os.environ["COLOR"], os.environ["AWS_REGION"], event]
        """,
        "handler.py",
    )

    arguments = ("--variable", "COLOR=a=b", "--region", "eu-north-1")
    result = run("invoke", "handler.handler", *arguments)

    assert '"a=b"' in result.out
    assert '"eu-north-1"' in result.out
    assert "null" in result.out
    assert "Log:" not in result.out


def test_a_function_that_does_not_start_shows_its_log(run, declare):
    declare("print('so far')\nraise ValueError('of pl4nted-1')", "handler.py")

    result = run("invoke", "handler.handler", *NAMES)

    assert result.code == 1
    assert "  so far\n" in result.out
    assert result.err == "Error: the function did not start: ValueError: of ***\n"


def test_a_handler_in_another_folder_is_told_how_to_name_it(run, declare):
    declare("", "src/elsewhere.py")

    result = run("invoke", "elsewhere.handler", *NAMES)

    assert result.code == 1
    assert "Unable to import module 'elsewhere'" in result.err
    assert "name that: --task-root src" in result.err


def test_an_invocation_that_takes_too_long_times_out(run, declare):
    declare("import time\n\ndef handler(event, context):\n    time.sleep(60)", "handler.py")

    result = run("invoke", "handler.handler", "--timeout", "0.2")

    assert result.code == 1
    assert "Task timed out after 0.20 seconds" in result.out
    assert result.err.splitlines() == [
        "Error: 1 of 1 invocations failed: Sandbox.Timedout",
        "Pass a longer --timeout, or see the log above.",
    ]


def test_an_error_of_the_handler_points_to_the_log(run, declare):
    declare("def handler(event, context):\n    raise ValueError('its own')", "handler.py")

    result = run("invoke", "handler.handler")

    assert result.err.endswith("invocations failed: ValueError\nSee the log above.\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "event.json cannot be read as JSON (JSONDecodeError)"),
        ("[" * 200_000, "event.json cannot be read as JSON (RecursionError)"),
    ],
)
def test_an_event_that_is_not_json_is_refused(run, tmp_path, content, said):
    (tmp_path / "event.json").write_text(content)

    result = run("invoke", "handler.handler", "--event", "event.json")

    assert result.code == 1
    assert said in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--secrets-file", "local.json"), "--secrets-file needs --names"),
        (("--variable", "pl4nted"), "it is not KEY=VALUE"),
        (("--variable", "=pl4nted"), "it is not KEY=VALUE"),
        (("--repeat", "0"), "0 is not in the range"),
        (("--timeout", "0"), "0.0 is not in the range"),
    ],
)
def test_a_wrong_call_is_refused(run, arguments, said):
    result = run("invoke", "handler.handler", *arguments)

    assert result.code == 2
    assert said in result.err


ONE_SECRET_HANDLER = """
    from core_backend import async_handler, get_env, get_secret
    from names import KEY

    @async_handler
    async def handler(event, context):
        key = await get_secret(get_env(KEY))
        print("a line of the log")
        return {returned}
"""


@pytest.fixture
def one_secret_function(declare, tmp_path):
    """Write a handler that awaits one secret."""

    def write(returned, value="pl4nted-1", shape=""):
        declare(f"from core_backend import SecretName\nKEY = SecretName('key'){shape}")
        declare(ONE_SECRET_HANDLER.replace("{returned}", returned), "handler.py")
        (tmp_path / "local.json").write_text(json.dumps({"key": value}))

    return write


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("key.encode() + b' raw'", "  *** raw\n"),
        ("b'raw \\xff'", "  raw \N{REPLACEMENT CHARACTER}\n"),
    ],
)
def test_an_answer_that_is_not_json_is_shown_as_it_is(one_secret_function, run, returned, shown):
    one_secret_function(returned)

    result = run("invoke", "handler.handler", *NAMES)

    assert (result.code, result.err) == (0, "")
    assert result.out.partition(" ms:\n")[2].startswith(shown)
    assert "  a line of the log\n" in result.out
    assert result.out.endswith("invocation 1 is answered\n")


def test_a_binary_value_is_base64_in_the_file_and_masked_in_the_output(one_secret_function, run):
    value = b"\x00\xffpl4nted-1\r\npl4nted-2"
    one_secret_function(
        "{'length': len(key)} if event else key", base64.b64encode(value).decode(), ".binary()"
    )

    result = run("invoke", "handler.handler", *NAMES)

    assert (result.code, result.err) == (0, "")
    assert result.out.partition(" ms:\n")[2].startswith("  ***\n")
