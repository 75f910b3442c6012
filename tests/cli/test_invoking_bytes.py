"""``invoke`` with bytes: as a handler's answer, and as the value of a secret."""

from __future__ import annotations

import base64
import json

import pytest

NAMES = ("--names", "names.py", "--secrets-file", "local.json")
HANDLER = """
    from core_backend import async_handler, get_env, get_secret
    from names import KEY

    @async_handler
    async def handler(event, context):
        key = await get_secret(get_env(KEY))
        print("a line of the log")
        return {returned}
"""


@pytest.fixture
def function(declare, tmp_path):
    """Write a handler that awaits one secret."""

    def write(returned, value="pl4nted-1", shape=""):
        declare(f"from core_backend import SecretName\nKEY = SecretName('key'){shape}")
        declare(HANDLER.replace("{returned}", returned), "handler.py")
        (tmp_path / "local.json").write_text(json.dumps({"key": value}))

    return write


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("key.encode() + b' raw'", "  *** raw\n"),
        ("b'raw \\xff'", "  raw \N{REPLACEMENT CHARACTER}\n"),
    ],
)
def test_an_answer_that_is_no_json_is_shown_as_it_is(function, run, returned, shown):
    function(returned)

    result = run("invoke", "handler.handler", *NAMES)

    assert (result.code, result.err) == (0, "")
    assert result.out.partition(" ms:\n")[2].startswith(shown)
    assert "  a line of the log\n" in result.out
    assert result.out.endswith("invocation 1 is answered\n")


def test_a_value_of_bytes_stands_in_the_file_as_base64_and_is_masked(function, run):
    value = b"\x00\xffpl4nted-1\r\npl4nted-2"
    function(
        "{'length': len(key)} if event else key", base64.b64encode(value).decode(), ".binary()"
    )

    result = run("invoke", "handler.handler", *NAMES)

    assert (result.code, result.err) == (0, "")
    assert result.out.partition(" ms:\n")[2].startswith("  ***\n")
