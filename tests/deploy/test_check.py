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
    'environment={"STRIPE_API_KEY": secret.secret_name}'
)
UNDECLARED = (
    "no template declares it; add Secret(stack, STRIPE_API_KEY, ...), or say with "
    "--external stripe-api-key that it is declared elsewhere"
)
NOT_READABLE = (
    "Charges/Charge: the environment variable STRIPE_API_KEY names the secret "
    "'dev/stripe-api-key', which the function may not read; allow it "
    "secretsmanager:GetSecretValue on that secret, in CDK with function.grant_read(secret)"
)
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


def without(*keys, **replaced):
    return {name: one for name, one in (GOOD | replaced).items() if name not in keys}


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
        (),
    )
    assert (webhook.name, webhook.used_at, webhook.gaps) == ("webhook-key", (), ())
    assert report.unused == ("webhook-key",)
    assert report.unnamed == ()
    assert report.unseen == ()


@pytest.mark.parametrize(
    ("resources", "gaps"),
    [
        (without("-", Charge=function(path="Charges/Charge")), [NO_VARIABLE]),
        (without("Grant"), [NOT_READABLE]),
        (
            {"Charge": function(path="Charges/Charge"), "Role": role()},
            [UNDECLARED, NO_VARIABLE],
        ),
    ],
)
def test_what_is_missing_is_said_with_the_fix(checked, resources, gaps):
    report = checked(resources)

    assert not report.ok
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


class TestSecretsOfOthers:
    ELSEWHERE = (
        "Charges/Charge: no template declares the secret 'dev/stripe-api-key' of STRIPE_API_KEY; "
        "if it is declared elsewhere, pass --external stripe-api-key"
    )

    def test_whether_they_are_there_cannot_be_told_and_is_not_called_wrong(self, checked):
        granted = policy(allow("arn:aws:secretsmanager:*:*:secret:dev/*"))

        report = checked(without("Stripe", Grant=granted))

        assert report.ok
        assert report.unseen == (self.ELSEWHERE,)
        assert report.secrets[0].declared is None
        assert report.secrets[0].real_name == "dev/stripe-api-key"
        assert not checked(without("Stripe", Grant=granted), strict=True).ok

    def test_they_can_be_called_external(self, checked):
        granted = policy(allow("arn:aws:secretsmanager:*:*:secret:dev/*"))

        report = checked(without("Stripe", Grant=granted), external=["stripe-api-key"], strict=True)

        assert report.ok
        assert report.secrets[0].declared is True

    def test_a_grant_that_is_missing_is_missing(self, checked):
        assert checked(without("Stripe", "Grant")).secrets[0].gaps == (NOT_READABLE,)

    def test_a_role_of_others_cannot_be_told(self, checked):
        report = checked(without("-", Charge=function("arn:their-role", STRIPE_API_KEY="dev/x")))

        assert report.secrets[0].granted is None
        assert report.secrets[0].gaps == ()


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
    (source / "handler.py").write_text(f"{HANDLER}\nget_secrets(x)")

    report = checked(GOOD)

    assert report.ok
    assert not checked(GOOD, strict=True).ok
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
    def test_any_function_can_be_chosen(self, checked, wanted):
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


class TestWrongSecrets:
    """The webhook's key is declared as well, and used by the same handler."""

    BOTH = HANDLER.replace("STRIPE_API_KEY\n\n", "STRIPE_API_KEY, WEBHOOK_KEY\n\n").replace(
        "get_secrets(STRIPE_API_KEY)", "get_secrets(STRIPE_API_KEY, WEBHOOK_KEY)"
    )
    HOOK = secret("dev/webhook-key")
    READS = policy(allow({"Ref": "Stripe"}, {"Ref": "Hook"}))

    @pytest.fixture
    def gaps(self, checked, source):
        (source / "handler.py").write_text(self.BOTH)

        def gaps(stripe, hook="dev/webhook-key", **resources):
            charge = function(STRIPE_API_KEY=stripe, WEBHOOK_KEY=hook)
            made = {"Charge": charge, "Hook": self.HOOK, "Grant": self.READS}
            report = checked(GOOD | made | resources)
            return [gap for one in report.secrets for gap in one.gaps]

        return gaps

    @pytest.mark.parametrize(
        "ids", [("dev/webhook-key", "dev/stripe-api-key"), ({"Ref": "Hook"}, {"Ref": "Stripe"})]
    )
    def test_two_that_are_swapped(self, gaps, ids):
        assert gaps(*ids) == [
            (
                "Charge: the environment variable STRIPE_API_KEY carries 'dev/webhook-key', the "
                "real name of webhook-key; give it the secret of stripe-api-key"
            ),
            (
                "Charge: the environment variable WEBHOOK_KEY carries 'dev/stripe-api-key', the "
                "real name of stripe-api-key; give it the secret of webhook-key"
            ),
        ]

    def test_that_of_another_environment(self, gaps):
        anything = policy(allow("*"))
        fault = (
            "Charge: the environment variable STRIPE_API_KEY carries 'prod/stripe-api-key', but "
            "the template of this function declares 'dev/stripe-api-key'; a function takes the "
            "secret of its own environment"
        )
        arn = "arn:aws:secretsmanager:eu-west-1:1:secret:prod/stripe-api-key"

        assert gaps("prod/stripe-api-key", Grant=anything) == [fault]
        assert gaps(arn, Grant=anything) == [fault]

    def test_the_value_itself(self, gaps):
        [fault] = gaps("{{resolve:secretsmanager:dev/stripe-api-key}}")

        assert "STRIPE_API_KEY gets the value of a secret, in plain text" in fault

    @pytest.mark.parametrize(
        "value",
        [
            "dev/stripe-api-key",
            {"Ref": "Stripe"},
            {"Fn::GetAtt": ["Stripe", "Id"]},
            "arn:aws:secretsmanager:eu-west-1:1:secret:dev/stripe-api-key-AbCdEf",
            {"Fn::If": ["A", "dev/stripe-api-key", {"Ref": "Stripe"}]},
        ],
    )
    def test_the_right_ones(self, gaps, value):
        assert gaps(value) == []

    def test_two_names_that_share_a_variable(self, checked, source):
        (source / "secret_names.py").write_text(f'{NAMES}\nOTHER = SecretName("stripe.api.key")')

        report = checked(GOOD)

        assert not report.ok
        assert report.faults == (
            (
                "secret_names: 'stripe-api-key' and 'stripe.api.key' both use the environment "
                "variable STRIPE_API_KEY, so one of them gets the other's secret; rename one"
            ),
        )


class TestWhatOnlyTheDeploymentKnows:
    def test_a_variable_under_a_condition(self, checked):
        value = {"Fn::If": ["A", "dev/stripe-api-key", {"Ref": "AWS::NoValue"}]}

        report = checked(without("-", Charge=function(STRIPE_API_KEY=value)))

        assert report.ok
        assert report.secrets[0].in_environment is None

    def test_all_variables_under_one(self, checked):
        charge = function()
        charge["Properties"]["Environment"] = {"Fn::If": ["A", {"Variables": {}}, {"Ref": "B"}]}

        report = checked(without("-", Charge=charge))

        assert report.ok
        assert report.unseen == (
            (
                "Charge: only the deployment knows its variables, and so whether STRIPE_API_KEY is "
                "one of them"
            ),
        )


def test_the_report_prints_as_a_table(checked, source):
    (source / "handler.py").write_text(f"{HANDLER}\nget_secrets(x)")
    charge = {**CHARGE, "Properties": {**CHARGE["Properties"], "Timeout": 1}}

    assert str(checked(without("Grant", Old=secret("dev/old"), Charge=charge))) == (
        "SECRET          FUNCTION        USED  DECLARED  ENVIRONMENT  GRANTED  REAL NAME\n"
        "stripe-api-key  Charges/Charge  yes   yes       yes          NO       dev/stripe-api-key\n"
        "webhook-key     Charges/Charge  -     -         -            -        -\n"
        "\n"
        "Wrong:\n"
        f"  stripe-api-key: {NOT_READABLE}\n"
        "\n"
        "Warnings:\n"
        "  Charges/Charge: its timeout is 1 s, and the first fetch of a cold start may take "
        "longer; set it to 3 s or more\n"
        "\n"
        "Declared, but not used by this code:\n"
        "  webhook-key\n"
        "\n"
        "In a template, but in no function's environment:\n"
        "  dev/old\n"
        "\n"
        "Cannot be told:\n"
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


def test_the_value_itself_is_refused_in_a_variable_of_a_secret_that_is_not_used(checked):
    resolved = "{{resolve:secretsmanager:dev/webhook-key}}"
    charge = function(STRIPE_API_KEY="dev/stripe-api-key", WEBHOOK_KEY=resolved)
    report = checked({**GOOD, "Charge": charge})

    assert not report.ok
    assert [fault.partition(" gets")[0] for fault in report.faults] == [
        "Charge: the environment variable WEBHOOK_KEY"
    ]


def test_the_value_itself_in_a_variable_of_a_secret_that_is_used_is_told_once(checked):
    resolved = "{{resolve:secretsmanager:dev/stripe-api-key}}"
    report = checked({**GOOD, "Charge": function(STRIPE_API_KEY=resolved)})

    assert report.faults == ()
    assert "gets the value of a secret" in report.secrets[0].gaps[0]
