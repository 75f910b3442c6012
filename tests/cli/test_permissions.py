"""The policies and tables of docs/security/operations.md, held against what is really called."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto.iam.access_control import IAMPolicy, PermissionResult
from support.http_server import HttpServer

from core_backend import configure, get_secrets
from core_backend._engine.process import replaced
from core_backend.cli import main

GUIDE = (Path(__file__).parents[2] / "docs" / "security" / "operations.md").read_text()
POLICIES = {
    heading: json.loads(text)
    for heading, text in re.findall(
        r"^### ([^\n]+)\n(?:(?!^###).)*?^```json\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL
    )
}
PERSON = POLICIES["The command, for a person who fills environments"]
PIPELINE = POLICIES["The command, in a pipeline"]
FUNCTION = POLICIES["A function"], POLICIES["A function with the setting `batch`"]
CALLS = {
    command: {f"secretsmanager:{operation}" for operation in operations.split(", ")}
    for command, operations in re.findall(
        r"^\| `(secrets [a-z -]+)` \| (.+?) \|$", GUIDE, re.MULTILINE
    )
}
# Everybody may call it, whatever a policy says.
FREE = "sts:GetCallerIdentity"
OPTIONS = ("--names", "names.py", "--env", "dev")
STRIPE, SIGNING = "dev/stripe-api-key", "dev/signing-key"


def set_both(account):
    for name in (STRIPE, SIGNING):
        account.client().create_secret(Name=name, SecretString="pl4nted-value")


def one_empty(account):
    account.client().create_secret(Name=STRIPE)


def none_yet(account):
    account.client().create_secret(Name="dev/other", SecretString="pl4nted-value")


def two_environments(account):
    set_both(account)
    for name in (STRIPE, SIGNING):
        account.client().create_secret(Name=name.replace("dev", "staging"))


def same_in_two_environments(account):
    set_both(account)
    for name in (STRIPE, SIGNING):
        other = name.replace("dev", "staging")
        account.client().create_secret(Name=other, SecretString="pl4nted-value")


def one_deleted(account):
    set_both(account)
    account.client().delete_secret(SecretId=STRIPE)


RUNS = {
    "secrets status": (set_both, [*OPTIONS]),
    "secrets status --verify": (set_both, [*OPTIONS]),
    "secrets set": (one_empty, ["stripe-api-key", *OPTIONS]),
    "secrets set --create": (none_yet, ["stripe-api-key", *OPTIONS]),
    "secrets import": (set_both, ["values.json", "--yes", *OPTIONS]),
    "secrets get": (set_both, ["stripe-api-key", *OPTIONS]),
    "secrets export": (set_both, ["out.env", *OPTIONS]),
    "secrets diff": (same_in_two_environments, ["dev", "staging", *OPTIONS[:2]]),
    "secrets copy": (two_environments, ["dev", "staging", "--yes", *OPTIONS[:2]]),
    "secrets list": (none_yet, [*OPTIONS]),
    "secrets restore": (one_deleted, ["stripe-api-key", *OPTIONS]),
}


def judge(policy):
    """Return a function that tells whether a policy allows an action on a secret."""
    # moto takes a pattern for a regular expression, in which only "*" is translated.
    policy = IAMPolicy({"policy_document": json.dumps(policy).replace("?", ".")})

    def allows(action, name):
        resource = f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"
        judged = policy.is_action_permitted(action, resource if name else "*")
        return judged is PermissionResult.PERMITTED

    return allows


def actions_of(policy):
    actions = [statement["Action"] for statement in policy["Statement"]]
    return {each for some in actions for each in ([some] if isinstance(some, str) else some)}


@pytest.fixture
def sent(account, declare, monkeypatch, stdin, tmp_path):
    """Run a command under a policy, and return what it called, as actions of IAM."""

    def run_under(policy, command):
        prepare, arguments = RUNS[command]
        prepare(account)
        (tmp_path / "values.json").write_text('{"STRIPE_API_KEY": "pl4nted-1"}')
        stdin("pl4nted-new")
        called, allows = set(), judge(policy)
        send = botocore.client.BaseClient._make_api_call

        def send_if_allowed(client, operation, parameters):
            action = f"{client.meta.service_model.signing_name}:{operation}"
            if action != FREE:
                called.add(action)
                if not allows(action, parameters.get("SecretId") or parameters.get("Name")):
                    raise ClientError({"Error": {"Code": "AccessDeniedException"}}, operation)
            return send(client, operation, parameters)

        with monkeypatch.context() as patch:
            patch.setattr(botocore.client.BaseClient, "_make_api_call", send_if_allowed)
            code = main([*command.split(), *arguments])
        return code, called

    return run_under


def test_every_command_of_the_table_is_run():
    assert CALLS.keys() == RUNS.keys()


@pytest.mark.parametrize("command", RUNS)
def test_a_command_works_with_its_policy_and_calls_what_the_table_says(command, sent):
    assert sent(PERSON, command) == (0, CALLS[command])


def test_a_pipeline_needs_no_more_than_its_policy(sent):
    assert sent(PIPELINE, "secrets status") == (0, actions_of(PIPELINE))


def test_a_command_fails_without_its_policy(sent):
    code, called = sent(PIPELINE, "secrets get")
    assert code == 1
    assert called == CALLS["secrets get"]


def test_a_policy_allows_nothing_that_is_not_needed():
    assert actions_of(PERSON) == set.union(*CALLS.values())


@pytest.mark.parametrize("batch", [False, True])
def test_a_function_fetches_with_its_policy(account, batch):
    set_both(account)
    before = len(account.calls)
    with replaced(), configure(batch=batch):
        assert get_secrets(STRIPE, SIGNING).result() == ("pl4nted-value", "pl4nted-value")
    policy = FUNCTION[batch]
    called = {
        (f"secretsmanager:{call.operation}", call.secret_id) for call in account.calls[before:]
    }
    allows = judge(policy)
    assert all(allows(action, name) for action, name in called)
    # The service itself asks for this one on each secret of a batch.
    needed = {action for action, _ in called} | {"secretsmanager:GetSecretValue"}
    assert actions_of(policy) == needed
    assert not allows("secretsmanager:GetSecretValue", "dev/other")


def test_the_user_agent_in_cloudtrail(environ, monkeypatch):
    answer = {"VersionId": "v", "SecretString": "pl4nted"}
    with HttpServer(answer) as server:
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "A",
            "AWS_SECRET_ACCESS_KEY": "pl4nted",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with replaced():
            get_secrets("db").result()
        [request] = server.requests
    assert request.headers["user-agent"] == "core_backend"
