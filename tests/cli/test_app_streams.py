"""Standard streams that are closed, full or not read: a clear message, and never a traceback."""

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
ON_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")


def shell(line, *, unbuffered=False, **options):
    """Run the installed command as a shell does."""
    return subprocess.run(
        ["sh", "-c", f"exec {COMMAND} {line}"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        # Without buffers, output fails where it is written, and not at the end.
        env={**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""},
        **options,
    )


def test_nothing_is_written_if_standard_input_is_closed(empty):
    result = shell(f"{SET} <&-", stdout=subprocess.PIPE)

    assert result.returncode == 1
    assert result.stderr == (
        "Error: standard input is closed; nothing was written\n"
        "Pipe it from a file: core-backend secrets set stripe-api-key ... < FILE\n"
    )
    assert empty.is_empty(ID)


def test_nothing_is_replaced_if_standard_input_is_closed(empty):
    empty.client().put_secret_value(SecretId=ID, SecretString="pl4nted-old")

    result = shell(f"{SET} <&-", stdout=subprocess.PIPE)

    assert result.returncode == 1
    assert result.stderr.startswith("Error: standard input is closed; nothing was written")


@pytest.mark.parametrize("line", [STATUS, SET, "--help"])
def test_nothing_is_done_if_standard_output_is_closed(empty, line):
    result = shell(f"{line} >&-", input="pl4nted-1")

    assert result.returncode == 1
    assert result.stderr == (
        "Error: standard output is closed\nRedirect it somewhere, for example to /dev/null.\n"
    )
    assert empty.is_empty(ID)


def test_a_command_works_if_standard_error_is_closed(empty):
    result = shell(f"{STATUS} 2>&-", stdout=subprocess.PIPE)

    assert result.returncode == 1
    assert ID in result.stdout
    assert result.stderr == ""


@ON_FULL
@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("line", [STATUS, SET, "--help"])
def test_a_full_disk_is_reported_once(empty, line, unbuffered):
    with Path("/dev/full").open("w") as full:
        result = shell(line, unbuffered=unbuffered, stdout=full, input="pl4nted-1")

    assert result.returncode == 1
    first, second = result.stderr.splitlines()[-2:]
    assert first.startswith("Error: standard output cannot be written (No space left on device); ")
    assert second == ("Make room, or redirect it; see what was done: core-backend secrets status")
    assert "Exception" not in result.stderr


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_value_is_stored_even_if_the_reader_of_the_output_has_gone(empty, unbuffered):
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = shell(SET, unbuffered=unbuffered, stdout=write_end, input="pl4nted-1")
    os.close(write_end)

    assert (result.returncode, result.stderr) == (1, "")
    assert empty.value_of(ID) == "pl4nted-1"


@ON_FULL
def test_an_error_is_reported_even_if_output_cannot_be_written(empty, tmp_path):
    (tmp_path / "dev.env").write_text("STRIPE_API_KEY=pl4nted-1")
    with Path("/dev/full").open("w") as full:
        result = shell("secrets import dev.env --names names.py --env dev <&-", stdout=full)

    assert result.returncode == 1
    assert "Pass --yes to do it all the same." in result.stderr
    assert "Exception ignored" not in result.stderr
    assert empty.is_empty(ID)
