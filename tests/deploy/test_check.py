"""Before the deployment one sees what the code needs and the template does not give."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support.templates import allow, function, policy, role, secret, template

from core_backend.deploy import check
from core_backend.errors import ConfigurationError

NAMES = """
from core_backend.names import SecretName

STRIPE_API_KEY = SecretName("stripe-api-key")
WEBHOOK_KEY = SecretName("webhook-key")
"""
HANDLER = """
from core_backend import get_secrets
from secret_names import STRIPE_API_KEY

def handler(event, context):
    return get_secrets(STRIPE_API_KEY)
"""
STRIPE = secret("dev/stripe-api-key")
CHARGE = function(path="Charges/Charge", STRIPE_API_KEY="dev/stripe-api-key")
GRANT = policy(allow({"Ref": "Stripe"}))
NO_VARIABLE = (
    "Charges/Charge has no variable STRIPE_API_KEY; add "
    "environment={STRIPE_API_KEY: secret.secret_name}"
)
UNDECLARED = "no template declares it; add Secret(stack, STRIPE_API_KEY, ...)"
GOOD = {"Stripe": STRIPE, "Charge": CHARGE, "Role": role(), "Grant": GRANT}


@pytest.fixture
def source(tmp_path):
    (tmp_path / "secret_names.py").write_text(NAMES)
    (tmp_path / "handler.py").write_text(HANDLER)
    return tmp_path


@pytest.fixture
def checked(source):
    def checked(resources, **options):
        given = {"names": source / "secret_names.py", "handler": source / "handler.py"}
        return check(template(**resources), **(given | options))

    return checked


def without(key, **replaced):
    return {name: one for name, one in (GOOD | replaced).items() if name != key}


def test_all_is_well(checked):
    report = checked(GOOD)

    stripe, webhook = report.secrets
    assert report.ok
    assert stripe == (
        "stripe-api-key",
        "STRIPE_API_KEY",
        "Charges/Charge",
        ("handler.py:6",),
        True,
        "dev/stripe-api-key",
        True,
        True,
    )
    assert (webhook.name, webhook.used_at, webhook.gaps) == ("webhook-key", (), ())
    assert report.unused == ("webhook-key",)
    assert report.unnamed == ()
    assert report.unseen == ()


@pytest.mark.parametrize(
    ("resources", "gaps"),
    [
        (without("Stripe"), [UNDECLARED]),
        (without("-", Charge=function(path="Charges/Charge")), [NO_VARIABLE]),
        (without("Grant"), ["Charges/Charge may not read it; add function.grant_read(secret)"]),
        (
            {"Charge": function(path="Charges/Charge"), "Role": role()},
            [UNDECLARED, NO_VARIABLE],
        ),
    ],
)
def test_what_is_missing_is_said_with_the_fix(checked, resources, gaps):
    report = checked(resources)

    assert not report.ok
    # A grant on a resource of another template cannot be judged, and is not called missing.
    assert list(report.secrets[0].gaps) == gaps


def test_a_secret_without_its_variable_is_still_found_by_its_name(checked):
    report = checked(without("-", Charge=function()))

    assert report.secrets[0].declared
    assert report.secrets[0].real_name == "dev/stripe-api-key"
    assert not report.secrets[0].in_environment


def test_a_name_alone_is_a_real_name_as_well(checked):
    report = checked(without("-", Charge=function(), Stripe=secret("stripe-api-key")))

    assert report.secrets[0].real_name == "stripe-api-key"


def test_a_variable_that_refers_to_the_secret_names_it(checked):
    reference = {"Fn::Select": [6, {"Fn::Split": [":", {"Ref": "Stripe"}]}]}
    report = checked(without("-", Charge=function(STRIPE_API_KEY=reference)))

    assert report.ok
    assert report.secrets[0].real_name == "dev/stripe-api-key"


def test_a_secret_of_somebody_elses_can_be_called_external(checked):
    resources = without("Stripe", Grant=policy(allow("arn:aws:secretsmanager:*:*:secret:dev/*")))

    assert not checked(resources).ok
    assert checked(resources, external=["stripe-api-key"]).ok
    assert checked(resources).secrets[0].real_name == "dev/stripe-api-key"


def test_a_grant_that_cannot_be_told_is_no_gap(checked):
    report = checked(without("-", Charge=function("arn:their-role", STRIPE_API_KEY="dev/x")))

    assert report.secrets[0].granted is None
    assert report.secrets[0].gaps == (UNDECLARED,)


def test_what_no_name_and_no_function_refers_to_is_listed(checked):
    other = function(handler="other.handler", KEY="dev/in-use", ARN={"Ref": "Arn"})
    resources = GOOD | {
        "Old": secret("dev/old"),
        "Nameless": secret(),
        "InUse": secret("dev/in-use"),
        "Arn": secret(),
        "Other": other,
    }

    assert checked(resources).unnamed == ("dev/old", "Nameless")


def test_what_cannot_be_seen_is_listed(checked, source):
    (source / "handler.py").write_text(f"{HANDLER}\ndef f(x): get_secrets(x)")

    report = checked(GOOD)

    assert report.ok
    assert report.unseen == ("handler.py:8: get_secrets(x): which secret is x?",)


def test_templates_and_sources_can_be_several_and_given_by_path(source):
    path = source / "Charges.template.json"
    path.write_text(json.dumps(template(**GOOD)))
    names = str(source / "secret_names.py")

    assert check(str(path), names=names, handler=str(source)).ok
    assert check([path], names=names, handler=[source / "handler.py"]).ok


class TestFunctions:
    def test_each_function_that_runs_the_code_is_checked(self, checked):
        worker = function("WorkerRole", path="Charges/Worker")
        report = checked(GOOD | {"Worker": worker, "WorkerRole": role()})

        stripe = [one for one in report.secrets if one.name == "stripe-api-key"]
        assert [one.function for one in stripe] == ["Charges/Charge", "Charges/Worker"]
        assert [bool(one.gaps) for one in stripe] == [False, True]

    @pytest.mark.parametrize("wanted", ["Charge", "Charges/Charge"])
    def test_one_can_be_chosen_whatever_its_handler(self, checked, wanted):
        other = function(
            handler="wrapper.handler", path="Charges/Charge", STRIPE_API_KEY="dev/stripe-api-key"
        )
        report = checked(without("-", Charge=other), function=wanted)

        assert report.ok

    @pytest.mark.parametrize("handler", ["app/handler.handler", "app.handler.handler"])
    def test_a_handler_in_a_package_is_found_by_its_file(self, checked, handler):
        packed = function(handler=handler, STRIPE_API_KEY="dev/stripe-api-key")

        assert checked(without("-", Charge=packed)).ok

    def test_a_template_without_the_function_is_the_wrong_one(self, checked):
        with pytest.raises(
            ConfigurationError, match=r"is Refund; it has: Charges/Charge \(handler.handler\)"
        ):
            checked(GOOD, function="Refund")
        other = function(handler="elsewhere.handler")
        with pytest.raises(ConfigurationError, match=r"source given; it has: .*elsewhere.handler"):
            checked(without("-", Charge=other))
        with pytest.raises(ConfigurationError, match="no Lambda function in the template; pass"):
            checked({"Stripe": STRIPE})


def test_the_report_prints_as_a_table(checked, source):
    (source / "handler.py").write_text(f"{HANDLER}\ndef f(x): get_secrets(x)")

    assert str(checked(without("Grant", Old=secret("dev/old")))) == (
        "SECRET          FUNCTION        USED  DECLARED  ENVIRONMENT  GRANTED  REAL NAME\n"
        "stripe-api-key  Charges/Charge  yes   yes       yes          NO       dev/stripe-api-key\n"
        "webhook-key     Charges/Charge  NO    NO        NO           NO       -\n"
        "\n"
        "Missing:\n"
        "  stripe-api-key: Charges/Charge may not read it; add function.grant_read(secret)\n"
        "\n"
        "Declared, but not used by this code:\n"
        "  webhook-key\n"
        "\n"
        "In a template, but in no function's environment:\n"
        "  dev/old\n"
        "\n"
        "Not to be seen from the code:\n"
        "  handler.py:8: get_secrets(x): which secret is x?"
    )


def test_a_grant_that_cannot_be_told_prints_as_a_question(checked):
    report = checked(without("-", Charge=function("arn:theirs", STRIPE_API_KEY="dev/x")))

    assert "  yes          ?        dev/x" in str(report)


def test_the_check_needs_neither_cdk_nor_the_sdk():
    code = "import sys, core_backend.deploy; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert not {"aws_cdk", "jsii", "boto3", "botocore", "aiobotocore"} & set(loaded)
