"""An account to fill, a module of names, and the command, called and installed."""

from __future__ import annotations

import functools
import io
import json
import os
import sys
import sysconfig
import textwrap
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.loaders import create_loader
from support.leaks import assert_absent
from support.plans import IDS
from support.terminal import Terminal

from core_backend.cli import main
from core_backend.testing.moto_server import MotoServer

REGION = "eu-west-1"
NAMES = """
    from core_backend import SecretName

    STRIPE_API_KEY = SecretName("stripe-api-key")
    SIGNING_KEY = SecretName("signing-key")
"""


class Account(MotoServer):
    """moto's Secrets Manager, which refuses what it is told to."""

    def __init__(self):
        super().__init__(region=REGION)
        self._refusals = {}
        self._refused_paths = {}
        self._hooks = {}
        self._boto3 = None
        self._answer, self._moto = self._moto, self._judged

    def refuse(self, operation, secret_id, code, message="No."):
        """Answer an operation on a secret with an error."""
        self._refusals[operation, secret_id] = code, message

    def refuse_path(self, path, code):
        """Answer requests to a path, of a service that has paths, with an error."""
        self._refused_paths[path] = code

    def relent(self):
        """Refuse nothing any more."""
        self._refusals.clear()
        self._refused_paths.clear()

    def forget(self):
        """Be as new: a server for each test would cost more than most tests."""
        self.relent()
        self._hooks.clear()
        self._recorded.clear()
        with urlopen(Request(f"{self.url}/moto-api/reset", method="POST")):
            pass

    def client(self):
        """Return the one client."""
        self._boto3 = self._boto3 or super().client()
        return self._boto3

    def before(self, operation, secret_id, hook):
        """Call ``hook`` before an operation is answered."""
        self._hooks[operation, secret_id] = hook

    def value_of(self, secret_id):
        """Return the current value."""
        answer = self.client().get_secret_value(SecretId=secret_id)
        return answer.get("SecretString") or answer["SecretBinary"]

    def is_empty(self, secret_id):
        """Return whether a secret has no version."""
        return "VersionIdsToStages" not in self.client().describe_secret(SecretId=secret_id)

    def _judged(self, environ, start_response):
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        if not operation:
            for path, code in self._refused_paths.items():
                if environ["PATH_INFO"].endswith(path):
                    start_response("403 Forbidden", [("x-amzn-errortype", code)])
                    return [b"{}"]
            return self._answer(environ, start_response)
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        parameters = json.loads(body)
        key = operation, parameters.get("SecretId") or parameters.get("Name")
        if key in self._hooks:
            self._hooks[key]()
        if key not in self._refusals:
            return self._answer(environ, start_response)
        code, message = self._refusals[key]
        start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps({"__type": code, "message": message}).encode()]


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """An environment of which AWS's SDK learns nothing, and a working directory of its own."""
    for key in [key for key in os.environ if key.startswith(("AWS_", "NO_COLOR", "FORCE_COLOR"))]:
        monkeypatch.delenv(key)
    nowhere = str(tmp_path / "nowhere")
    settings = {
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


@pytest.fixture(scope="session", autouse=True)
def _data_files_are_read_once():
    """The SDK parses its own for each client anew, which takes most of a short command's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", functools.cache(create_loader))
        yield


@pytest.fixture(scope="session")
def _account():
    with Account() as account:
        yield account


@pytest.fixture
def account(_account, environ, monkeypatch):
    """An empty account, and the environment that leads there."""
    for key, value in _account.env.items():
        monkeypatch.setenv(key, value)
    _account.forget()
    return _account


@pytest.fixture
def empty(account, declare):
    """An account in which the first declared secret waits for its value."""
    account.client().create_secret(Name="dev/stripe-api-key")
    return account


@pytest.fixture
def deploy_function(account):
    """Deploy a function with variables."""

    def deploy(name, **variables):
        # boto3's own, not the account's client: that knows Secrets Manager alone.
        role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        boto3.client("lambda").create_function(
            FunctionName=name,
            Role=role["Role"]["Arn"],
            Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
            Environment={"Variables": variables},
            Handler="handler.handler",
            Runtime="python3.13",
        )

    return deploy


@pytest.fixture
def declare(tmp_path, environ):
    """Write a module of names; ``names.py`` declares two plain ones at first."""

    def write(source, file="names.py"):
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    write(NAMES)
    return write


@pytest.fixture
def three_names(declare):
    """Declare what the tests of an import import."""
    declare("""
        from core_backend import SecretName

        STRIPE_API_KEY = SecretName("stripe-api-key")
        SIGNING_KEY = SecretName("signing-key")
        DB = SecretName("db")
    """)


@pytest.fixture
def to_import(tmp_path):
    """Write the file to import, and return the command's arguments."""

    def write(content, file="dev.env"):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / file).write_text(text, encoding="utf-8")
        return "secrets", "import", file, "--names", "names.py", "--env", "dev"

    return write


@pytest.fixture
def three_empty(account):
    """An account in which all three wait for their values."""
    for secret_id in IDS.values():
        account.client().create_secret(Name=secret_id)
    return account


@pytest.fixture
def run(capsys):
    """Call the command, and look for planted secrets in what it shows."""

    def call(*arguments):
        capsys.readouterr()
        code = main(list(map(str, arguments)))
        shown = capsys.readouterr()
        assert_absent(shown.out, shown.err)
        return Result(code, shown.out, shown.err)

    return call


@pytest.fixture
def stdin(monkeypatch):
    """Put text or bytes on standard input, which then is no terminal."""

    def put(data):
        raw = data.encode() if isinstance(data, str) else data
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))

    put(b"")
    return put


@pytest.fixture
def terminal(tmp_path):
    """Run the installed command on a terminal."""
    command = Path(sysconfig.get_path("scripts")) / "core-backend"

    def start(*arguments, **env):
        return Terminal(
            [str(command), *map(str, arguments)], env=dict(os.environ) | env, cwd=str(tmp_path)
        )

    return start
