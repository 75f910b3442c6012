"""Standard streams that are closed, full or read by nobody: a clear line, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

COMMAND = str(Path(sysconfig.get_path("scripts")) / "core-backend")
STATUS = "secrets status --names names.py --env dev"
SET = "secrets set stripe-api-key --names names.py --env dev"
ID = "dev/stripe-api-key"


@pytest.fixture
def empty(account, declare):
    """An account in which the secret waits for its value."""
    account.client().create_secret(Name=ID)
    return account


def shell(line, **options):
    """Run the installed command as a shell does."""
    return subprocess.run(
        ["sh", "-c", f"exec {COMMAND} {line}"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **options,
    )


def test_where_standard_input_is_closed_nothing_is_written(empty):
    result = shell(f"{SET} <&-", stdout=subprocess.PIPE)

    assert result.returncode == 1
    assert result.stderr == (
        "Error: standard input is closed; nothing was written\n"
        "Have it read from a file: core-backend secrets set stripe-api-key ... < FILE\n"
    )
    assert empty.is_empty(ID)


def test_where_standard_input_is_closed_nothing_is_replaced(empty):
    empty.client().put_secret_value(SecretId=ID, SecretString="pl4nted-old")

    result = shell(f"{SET} <&-", stdout=subprocess.PIPE)

    assert result.returncode == 1
    assert "nothing was written\nPass --yes" in result.stderr


@pytest.mark.parametrize("line", [STATUS, SET, "--help"])
def test_where_standard_output_is_closed_nothing_is_done(empty, line):
    result = shell(f"{line} >&-", input="pl4nted-1")

    assert result.returncode == 1
    assert result.stderr == (
        "Error: standard output is closed\nSend it somewhere, be it to /dev/null.\n"
    )
    assert empty.is_empty(ID)


def test_where_standard_error_is_closed_it_works_all_the_same(empty):
    result = shell(f"{STATUS} 2>&-", stdout=subprocess.PIPE)

    assert result.returncode == 1
    assert ID in result.stdout
    assert result.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize("line", [STATUS, SET, "--help"])
def test_a_full_disk_is_told_once(empty, line):
    with Path("/dev/full").open("w") as full:
        result = shell(line, stdout=full, input="pl4nted-1")

    assert result.returncode == 1
    first, second = result.stderr.splitlines()[-2:]
    assert first.startswith("Error: standard output cannot be written (No space left on device); ")
    assert second == (
        "Make room, or send it elsewhere; see what is done: core-backend secrets status"
    )
    assert "Exception" not in result.stderr


def test_a_reader_that_goes_away_before_a_table_is_no_traceback(empty):
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = shell(SET, stdout=write_end, input="pl4nted-1")
    os.close(write_end)

    assert (result.returncode, result.stderr) == (1, "")
    assert empty.value_of(ID) == "pl4nted-1"
