"""Each function is judged by its own handler, and what is not ours is left alone."""

from __future__ import annotations

import hashlib
import json

import pytest
from support.templates import allow, function, role, secret, template

from core_backend.deploy import check
from core_backend.deploy.code import check_code
from core_backend.deploy.formats import read_templates
from core_backend.errors import ConfigurationError

NAMES = """
from core_backend.names import SecretName
STRIPE_API_KEY = SecretName("stripe-api-key")
WEBHOOK_KEY = SecretName("webhook-key").json()
"""
HANDLER = """
from core_backend import async_handler, get_env, get_secret
from secret_names import {name}

@async_handler
async def handler(event, context):
    return await get_secret(get_env({name}))
"""


@pytest.fixture
def project(tmp_path):
    """Return a project as CDK leaves it, with one folder of code and two handlers in it."""
    source = tmp_path / "src"
    source.mkdir()
    (source / "secret_names.py").write_text(NAMES)
    (source / "charge.py").write_text(HANDLER.format(name="STRIPE_API_KEY"))
    (source / "webhook.py").write_text(HANDLER.format(name="WEBHOOK_KEY"))
    return tmp_path


def asset(project, files):
    """Add an asset to ``cdk.out``, and return the code of a function that has it."""
    digest = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    for name, text in files.items():
        path = project / "cdk.out" / f"asset.{digest}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"S3Bucket": "assets", "S3Key": f"{digest}.zip"}


def sources(project):
    return {path.name: path.read_text() for path in (project / "src").glob("*.py")}


def handled(handler, code, *, path=None, runtime="python3.14", layers=(), **variables):
    made = function(handler=handler, path=path, **variables)
    made["Properties"] |= {"Code": code, "Runtime": runtime, "Layers": list(layers)}
    return made


def checked(project, given="src", names="src/secret_names.py", function=None, **resources):
    made = {
        "Role": role(inline=allow("*")),
        "Stripe": secret("dev/stripe-api-key"),
        "Hook": secret("dev/webhook-key"),
    }
    (project / "cdk.out").mkdir(exist_ok=True)
    path = project / "cdk.out" / "Shop.template.json"
    path.write_text(json.dumps(template(**made | resources)))
    handler = None if given is None else project / given
    return check(path, names=project / names, handler=handler, function=function)


def two(project, **more):
    code = asset(project, sources(project))
    return {
        "Charge": handled("charge.handler", code, STRIPE_API_KEY="dev/stripe-api-key"),
        "Webhook": handled("webhook.handler", code, WEBHOOK_KEY="dev/webhook-key"),
    } | more


@pytest.mark.parametrize("given", ["src", None])
def test_two_handlers_side_by_side_with_a_secret_each(project, given):
    report = checked(project, given, **two(project))

    assert report.ok
    assert report.unseen == report.unused == ()
    assert [(one.function, one.name) for one in report.secrets if one.used_at] == [
        ("Charge", "stripe-api-key"),
        ("Webhook", "webhook-key"),
    ]
    assert report.secrets[0].used_at == ("charge.py:7",)


def test_the_code_of_a_stage_is_with_that_of_the_whole_app(project):
    resources = {**two(project), "Role": role(inline=allow("*"))}
    stage = project / "cdk.out" / "assembly-Prod"
    stage.mkdir()
    for folder, properties, kind in (
        (stage, {"templateFile": "Shop.template.json"}, "aws:cloudformation:stack"),
        (stage.parent, {"directoryName": "assembly-Prod"}, "cdk:cloud-assembly"),
    ):
        manifest = {"artifacts": {"One": {"type": kind, "properties": properties}}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    (stage / "Shop.template.json").write_text(json.dumps(template(**resources)))

    report = check(project / "cdk.out", names=project / "src" / "secret_names.py")

    assert [one.used_at for one in report.secrets if one.used_at] == [
        ("charge.py:7",),
        ("webhook.py:7",),
    ]


def test_functions_that_are_not_ours(project):
    other = asset(project, {"index.py": "def handler(event, context): ..."})
    (project / "src" / "index.py").write_text(HANDLER.format(name="STRIPE_API_KEY"))
    own = asset(project, sources(project))
    report = checked(
        project,
        Mine=handled("index.handler", own, STRIPE_API_KEY="dev/stripe-api-key"),
        Provider=handled("index.handler", other),
        LogRetention=handled("index.handler", other, runtime="nodejs22.x"),
        Notifications=handled("index.handler", {"ZipFile": "def handler(e, c): ..."}),
        Deployment=handled("index.handler", {}, path="Shop/Custom::CDKBucketDeployment1/Resource"),
        CustomCDKBucketDeployment8693BB64=handled("index.handler", {}),
    )

    assert report.ok
    assert {one.function for one in report.secrets} == {"Mine"}


def test_one_of_another_folder_is_not_looked_at_and_that_is_said(project):
    code = asset(project, {"refund.py": "def handler(event, context): ..."})
    report = checked(project, **two(project, Refund=handled("refund.handler", code)))

    assert report.ok
    assert report.unseen == (
        "Refund: its handler refund.handler is not in the source given, so it was not looked at",
    )


class TestHandlersThatAreNotThere:
    def test_a_module_that_is_not_in_the_code(self, project):
        code = asset(project, sources(project))
        report = checked(project, **two(project, Charge=handled("chrage.handler", code)))

        assert not report.ok
        assert report.faults[0].startswith(
            "Charge: its handler is 'chrage.handler', and there is no such module in "
        )

    def test_a_function_that_is_not_in_the_module(self, project):
        code = asset(project, sources(project))
        report = checked(project, **two(project, Charge=handled("charge.handlr", code)))

        assert report.faults == (
            (
                "Charge: charge.py: it has no function 'handlr', which the template names as the "
                "handler; did you mean handler?"
            ),
        )

    def test_the_one_that_was_named(self, project):
        report = checked(project, function="Charge", Charge=handled("chrage.handler", {}))

        assert "there is no such module" in report.faults[0]

    def test_a_wrapper_in_a_layer_around_the_file_that_was_given(self, project):
        wrapped = handled("datadog.handler", {}, STRIPE_API_KEY="dev/stripe-api-key")
        report = checked(project, "src/charge.py", function="Charge", Charge=wrapped)

        assert report.ok
        assert [one.name for one in report.secrets if one.used_at] == ["stripe-api-key"]


def test_a_handler_of_which_there_are_two(project):
    for name in ("one", "two"):
        (project / "src" / name).mkdir()
        (project / "src" / name / "main.py").write_text(HANDLER.format(name="STRIPE_API_KEY"))
    report = checked(project, **two(project, Main=handled("main.handler", {})))

    assert report.ok
    assert f"may be in {project / 'src' / 'one'} or {project / 'src' / 'two'}" in report.unseen[0]


def test_code_that_was_edited_since_is_read_and_that_is_said(project):
    resources = two(project)
    (project / "src" / "charge.py").write_text(HANDLER.format(name="WEBHOOK_KEY"))
    report = checked(project, **resources)

    assert [one.gaps[-1] for one in report.secrets if one.gaps] == [
        'Charge has no variable WEBHOOK_KEY; add environment={"WEBHOOK_KEY": secret.secret_name}'
    ]
    assert report.unseen == (
        "Charge: charge.py is not the same in the template's folder; synthesize or build again",
    )


class TestAModuleOfNamesThatIsNotDeployed:
    @pytest.fixture
    def resources(self, project):
        names = project / "names"
        names.mkdir()
        (project / "src" / "secret_names.py").rename(names / "secret_names.py")
        return two(project)

    def checked(self, project, resources):
        return checked(project, names="names/secret_names.py", **resources)

    def test_is_a_fault(self, project, resources):
        report = self.checked(project, resources)

        assert report.faults == (
            (
                "Charge: charge.py:3: it imports secret_names, which is not in src; put it into "
                "the folder that is deployed"
            ),
            (
                "Webhook: webhook.py:3: it imports secret_names, which is not in src; put it into "
                "the folder that is deployed"
            ),
        )

    def test_may_be_in_a_layer_that_is_not_to_be_seen(self, project, resources):
        for one in ("Charge", "Webhook"):
            resources[one]["Properties"]["Layers"] = ["arn:aws:lambda:eu-west-1:1:layer:x:1"]
        report = self.checked(project, resources)

        assert report.ok
        assert "see that it is deployed with it, or in a layer" in report.unseen[0]

    def test_may_be_in_one_that_is(self, project, resources):
        content = asset(project, {"python/secret_names.py": NAMES})
        layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}
        for one in ("Charge", "Webhook"):
            resources[one]["Properties"]["Layers"] = [{"Ref": "Layer"}]
        report = self.checked(project, resources | {"Layer": layer})

        assert report.ok
        assert report.unseen == ()


def test_names_beside_a_handler_that_is_named_from_the_folder_above_are_not_found(project):
    # As Serverless has it: Lambda's imports begin at the folder above src.
    report = checked(project, Charge=handled("src/charge.handler", {}, STRIPE_API_KEY="dev/x"))

    assert (
        f"charge.py:3: it imports secret_names, which is not in {project.name}; see that it is "
        f"deployed with it, or in a layer"
    ) in report.unseen


def test_packages_that_pip_installed_are_not_read(project):
    source = project / "src"
    (source / "theirs").mkdir()
    (source / "theirs" / "__init__.py").write_text("from secret_names import NOTHING")
    (source / "theirs-1.dist-info").mkdir()
    (source / "theirs-1.dist-info" / "RECORD").write_text("theirs/__init__.py,,\n")
    (source / "charge.py").write_text(f"import theirs{HANDLER.format(name='STRIPE_API_KEY')}")

    charge = handled("charge.handler", {}, STRIPE_API_KEY="dev/stripe-api-key")
    report = checked(project, Charge=charge)

    assert report.faults == ()


def test_source_that_is_not_there_is_said_to_be_missing(project):
    with pytest.raises(ConfigurationError, match="there is no .*nowhere; pass the handler's file"):
        checked(project, "nowhere", **two(project))


class TestTheCodeOfATemplate:
    """What synthesis looks at: the code that is deployed, without the module of names."""

    def check(self, handler, code, names=frozenset({"secret_names"}), **resources):
        made = {
            "Charge": handled(handler, code, layers=resources.pop("layers", ())),
            "Role": role(),
        }
        (self.project / "cdk.out").mkdir(exist_ok=True)
        path = self.project / "cdk.out" / "Shop.template.json"
        path.write_text(json.dumps(template(**made | resources)))
        read = read_templates([path])
        found = check_code(read, read.functions[0], names)
        return {one.rule: str(one) for one in found}

    @pytest.fixture(autouse=True)
    def _project(self, project):
        self.project = project

    def test_what_it_lacks(self):
        files = sources(self.project)
        code = asset(self.project, {"charge.py": files["charge.py"], "app.py": "import app.names"})

        assert self.check("chrage.handler", code).keys() == {"handler-not-found"}
        assert self.check("charge.handlr", code).keys() == {
            "handler-not-callable",
            "core-backend-missing",
            "names-not-deployed",
        }
        found = self.check("charge.handler", code)
        assert found.keys() == {"core-backend-missing", "names-not-deployed"}
        assert found["core-backend-missing"].startswith("charge.py:2: it imports core_backend")
        assert self.check("charge.handler", code, frozenset()).keys() == {"core-backend-missing"}

    def test_what_its_layers_bring(self):
        files = sources(self.project)
        code = asset(self.project, {"charge.py": files["charge.py"]})
        brought = {
            "python/core_backend/__init__.pyc": "",
            "python/secret_names.py": NAMES,
            "python/wrapper.py": "",
        }
        content = asset(self.project, brought)
        layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}
        layers = [{"Ref": "Layer"}]

        assert self.check("charge.handler", code, layers=layers, Layer=layer) == {}
        assert self.check("wrapper.handler", code, layers=layers, Layer=layer) == {}
        assert self.check("charge.handler", code, layers=["arn:aws:lambda:x"]) == {}
        assert self.check("chrage.handler", code, layers=["arn:aws:lambda:x"]) == {}

    def test_what_has_no_folder(self):
        assert self.check("charge.handler", {}) == {}
        assert self.check("charge.handler", {"ZipFile": "import core_backend"}) == {}
