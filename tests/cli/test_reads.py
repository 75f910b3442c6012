"""``secrets get``, ``export`` and ``diff``: values out, and shown only on request."""

from __future__ import annotations

import base64
import json
import re

import pytest

from core_backend.cli import main
from core_backend.cli.declarations import load_declarations
from core_backend.cli.values import format_env, read_file

OPTIONS = ("--names", "names.py", "--env", "dev")
GET = ("secrets", "get", "stripe-api-key", *OPTIONS)
EXPORT = ("secrets", "export")
DIFF = ("secrets", "diff", "dev", "prod", "--names", "names.py")
PLACE = "account 123456789012, eu-west-1"
BINARY = """
    from core_backend import SecretName

    STRIPE_API_KEY = SecretName("stripe-api-key").binary()
"""


@pytest.fixture(autouse=True)
def _module(declare, stdin):
    """Two names, and no terminal."""


@pytest.fixture
def create(account):
    """Create a secret with a value."""

    def call(name, value, **options):
        kind = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        account.client().create_secret(Name=name, **{kind: value}, **options)

    return call


def test_get_shows_a_value_masked(create, run):
    create("dev/stripe-api-key", "pl4nted-\N{SNOWMAN}")

    result = run(*GET)

    assert result.code == 0
    assert [re.split(r"\s{2,}", line) for line in result.out.splitlines()] == [
        ["NAME", "SECRET", "KIND", "BYTES", "VALUE"],
        ["stripe-api-key", "dev/stripe-api-key", "text", "11", "***"],
    ]
    assert json.loads(run(*GET, "--output", "json").out) == {
        "name": "stripe-api-key",
        "secret": "dev/stripe-api-key",
        "kind": "text",
        "bytes": 11,
        "value": None,
    }


@pytest.mark.parametrize("value", ["line 1\nline 2", b"\x00\xff"])
def test_reveal_prints_the_value_exactly(create, capsysbinary, value):
    create("dev/stripe-api-key", value)

    assert main([*GET, "--reveal"]) == 0
    raw = value if isinstance(value, bytes) else value.encode()
    assert capsysbinary.readouterr() == (raw, b"")


def test_reveal_in_json_has_bytes_as_base64(create, run):
    create("dev/stripe-api-key", b"\x00\xff")

    shown = json.loads(run(*GET, "--reveal", "--output", "json").out)

    assert (shown["kind"], base64.b64decode(shown["value"])) == ("base64", b"\x00\xff")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_reveal_asks_first(create, terminal, answer, code):
    create("dev/stripe-api-key", "the value")

    with terminal(*GET, "--reveal") as person:
        person.expect(f"Show the value of dev/stripe-api-key in {PLACE} on this terminal? [y/N]: ")
        person.type(f"{answer}\r")
        assert person.wait() == code

    assert ("the value\r\n" in person.output) == (code == 0)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, f"dev/stripe-api-key does not exist in {PLACE}"),
        ("empty", "dev/stripe-api-key has no value yet"),
        ("denied", f"the value of dev/stripe-api-key in {PLACE} may not be read"),
    ],
)
def test_get_says_why_there_is_no_value(account, run, state, said):
    if state:
        account.client().create_secret(Name="dev/stripe-api-key")
    if state == "denied":
        account.refuse("GetSecretValue", "dev/stripe-api-key", "AccessDeniedException")

    result = run(*GET)

    assert result.code == 1
    assert said in result.err


@pytest.mark.parametrize("file", ["dev.env", "dev.json"])
def test_export_writes_a_file_that_import_can_read(create, run, declare, tmp_path, file):
    source = BINARY + '    SIGNING_KEY = SecretName("signing-key")\n'
    declared = load_declarations(str(declare(source)))
    create("dev/stripe-api-key", b"\x00\xffpl4nted")
    create("dev/signing-key", "pl4nted 'it' \"is\"\nhere")

    result = run(*EXPORT, file, *OPTIONS)

    assert (result.code, result.out, result.err) == (0, f"Wrote 2 of 2 values to {file}.\n", "")
    assert (tmp_path / file).stat().st_mode & 0o777 == 0o600
    read = read_file(tmp_path / file, declared, base64_binary=True)
    assert [one.value for one in read] == [b"\x00\xffpl4nted", "pl4nted 'it' \"is\"\nhere"]
    assert not list(tmp_path.glob(".secrets-*"))


def test_export_leaves_out_what_has_no_value(account, create, run, tmp_path):
    create("dev/stripe-api-key", "pl4nted")

    result = run(*EXPORT, "dev.env", *OPTIONS)

    assert (result.code, result.out) == (1, "Wrote 1 of 2 values to dev.env.\n")
    assert result.err.startswith(
        f"Left out: signing-key (missing)\n\nMissing in {PLACE}: dev/signing-key\n"
    )
    assert (tmp_path / "dev.env").read_text() == "STRIPE_API_KEY='pl4nted'\n"
    account.refuse("GetSecretValue", "dev/stripe-api-key", "AccessDeniedException")
    result = run(*EXPORT, "other.env", *OPTIONS, "--output", "json")
    assert json.loads(result.out)[0] == {
        "name": "stripe-api-key",
        "secret": "dev/stripe-api-key",
        "state": "set",
        "variable": "STRIPE_API_KEY",
        "exported": False,
    }
    assert "Left out: stripe-api-key (may not be read), signing-key (missing)" in result.err
    assert not (tmp_path / "other.env").exists()


def test_export_overwrites_a_file_only_with_yes(create, run, tmp_path):
    create("dev/stripe-api-key", "pl4nted")
    file = tmp_path / "dev.env"
    file.write_text("old")

    result = run(*EXPORT, "dev.env", *OPTIONS)

    assert result.code == 1
    assert "dev.env exists already; it was not overwritten\nPass --yes" in result.err
    assert file.read_text() == "old"
    run(*EXPORT, "dev.env", *OPTIONS, "--yes")
    assert file.read_text() == "STRIPE_API_KEY='pl4nted'\n"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("device", ["/dev/tty", "/dev/null", "link.env", "."])
def test_export_never_writes_to_a_terminal_or_device(create, run, tmp_path, device):
    create("dev/stripe-api-key", "pl4nted")
    (tmp_path / "link.env").symlink_to("/dev/stdout")

    result = run(*EXPORT, device, *OPTIONS, "--yes")

    assert result.code == 1
    assert f"{device} is not a plain file: values are not written to a terminal" in result.err


def test_export_names_a_folder_that_does_not_exist(create, run):
    create("dev/stripe-api-key", "pl4nted")

    result = run(*EXPORT, "nowhere/dev.env", *OPTIONS)

    assert result.code == 1
    assert "nowhere/dev.env cannot be written: No such file or directory" in result.err


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "it's",
        'a "b"',
        "a\\b",
        "a\\\\b",
        "ends\\",
        "$HOME # no",
        "a\r\nb",
        "{'a': \"\\n\"}",
    ],
)
def test_an_env_line_is_read_as_the_value(tmp_path, declare, environ, value):
    path = tmp_path / "x.env"
    declared = load_declarations("names.py")
    lines = [format_env(key, value) for key in ("STRIPE_API_KEY", "SIGNING_KEY")]
    path.write_text("".join(lines), newline="")

    assert [one.value for one in read_file(path, declared)] == [value] * 2


def test_diff_shows_which_values_are_the_same(account, create, run, declare):
    declare("""
        from core_backend import SecretName

        SAME = SecretName("same")
        OTHER = SecretName("other")
        EMPTY = SecretName("empty")
        MISSING = SecretName("missing")
    """)
    for env_name in ("dev", "prod"):
        create(f"{env_name}/same", "pl4nted")
        create(f"{env_name}/other", f"pl4nted-{env_name}")
        account.client().create_secret(Name=f"{env_name}/empty")
    create("dev/missing", "pl4nted")

    result = run(*DIFF)

    assert result.code == 1
    assert [re.split(r"\s{2,}", line) for line in result.out.splitlines()] == [
        ["NAME", "DEV", "PROD", "VALUES"],
        ["same", "set", "set", "same"],
        ["other", "set", "set", "different"],
        ["empty", "empty", "empty", "not compared"],
        ["missing", "set", "missing", "not compared"],
    ]
    assert f"Missing in {PLACE}: prod/missing\n" in result.err


def test_diff_compares_accounts_and_regions(create, account, run, declare):
    declare('from core_backend import SecretName\nKEY = SecretName("key")\n')
    create("dev/key", "pl4nted")

    result = run(*DIFF, "--to-region", "eu-north-1", "--output", "json")

    assert result.code == 1
    assert json.loads(result.out) == [
        {
            "name": "key",
            "result": "not compared",
            "from": {"secret": "dev/key", "state": "set"},
            "to": {"secret": "prod/key", "state": "missing"},
        }
    ]
    assert "Missing in account 123456789012, eu-north-1: prod/key\n" in result.err


def test_diff_without_a_difference_is_exit_code_0(create, run, declare):
    declare('from core_backend import SecretName\nKEY = SecretName("key")\n')
    create("dev/key", "pl4nted")
    create("prod/key", "pl4nted")

    result = run(*DIFF)

    assert (result.code, result.err) == (0, "")
