"""Each row of the guide's table of mistakes has a test that makes the mistake."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
GUIDE = TESTS.parent / "docs" / "infrastructure.md"
USAGE, CODE, RULES, CHECK = (
    f"deploy/test_{name}.py" for name in ("usage", "code", "rules", "check")
)
MADE_BY = {
    "a misspelt name": (USAGE, "test_a_name_that_the_module_of_names_lacks"),
    "a missing variable": (CHECK, "test_what_is_missing_is_said_with_the_fix"),
    "a missing grant": (
        "cdk/test_checks.py",
        "test_what_its_environment_names_and_it_may_not_read",
    ),
    "a secret that nobody filled": ("cdk/test_example.py", "test_the_circle_closes"),
    "the wrong Region": (
        "cdk/test_places.py",
        "test_a_plain_name_of_elsewhere_is_refused_with_what_works",
    ),
    "no layer": ("cdk/test_checks.py", "test_what_the_code_lacks"),
    "a missing extra": (
        "deploy/test_layer.py",
        "test_what_works_with_the_sdk_comes_with_it_and_where_it_does_not_that_is_said",
    ),
    "two names for one variable": ("cdk/test_validation.py", "test_two_names_for_one_variable"),
    "a secret of another stack or account": (RULES, "test_a_plain_name_of_elsewhere"),
    "a KMS key that the function may not use": (
        RULES,
        "test_a_secret_that_the_function_may_not_read_or_not_decrypt",
    ),
    "the secret of dev in prod": (CHECK, "test_that_of_another_environment"),
    "a value of the wrong shape": ("cli/test_status.py", "test_verify_checks_each_value"),
    "a trailing newline in the value": ("cli/test_status.py", "test_verify_checks_each_value"),
    "a handler without its decorator, or with the wrong one": (
        USAGE,
        "test_a_handler_that_lambda_cannot_call",
    ),
    "a forgotten `await`": (USAGE, "test_a_forgotten_await_and_a_batch_that_is_not_unpacked"),
    "a batch that is not unpacked": (
        USAGE,
        "test_a_forgotten_await_and_a_batch_that_is_not_unpacked",
    ),
    "no way out of the VPC": (RULES, "test_no_way_out_and_no_endpoint"),
    "a timeout that is too short": (RULES, "test_a_timeout_that_a_first_fetch_may_exceed"),
    "a value that is lost with its resource": (
        RULES,
        "test_are_lost_with_the_resource_unless_it_is_retained",
    ),
    "a layer for another Python": (
        "cdk/test_layer.py",
        "test_a_function_of_another_python_is_refused",
    ),
    "two secrets that are swapped": (CHECK, "test_two_that_are_swapped"),
    "a handler that is misnamed": (CODE, "test_a_module_that_is_not_in_the_code"),
    "a module of names that is not deployed": (CODE, "test_is_a_fault"),
    "the secret itself as a variable's value": (
        "cdk/test_validation.py",
        "test_a_value_that_is_no_text",
    ),
    "a `SecretName` as a key of CDK's own function": (
        "cdk/test_checks.py",
        "test_what_lambda_does_not_allow_and_a_value_in_plain_text",
    ),
}


def test_the_table_lists_the_mistakes_that_are_tested():
    section = GUIDE.read_text().partition("## When a mistake is found")[2]

    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)

    assert rows[2:] == list(MADE_BY)


@pytest.mark.parametrize(("file", "test"), sorted(set(MADE_BY.values())))
def test_each_of_these_tests_exists(file, test):
    tree = ast.parse((TESTS / file).read_text())

    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
