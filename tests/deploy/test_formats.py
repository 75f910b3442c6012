"""Templates are read as people have them: YAML, SAM, a whole ``cdk.out``, a Terraform plan."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from support.templates import allow, function, policy, role, secret, template

from core_backend.deploy import formats
from core_backend.deploy.formats import read_templates
from core_backend.errors import ConfigurationError

SAM = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Env: {Type: String, Default: dev}
Globals:
  Function:
    CodeUri: src/
    Tracing: Active
    Environment:
      Variables:
        STRIPE: !Sub "${Env}/stripe"
Resources:
  Stripe:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: !Sub "${Env}/stripe"
  Hook:
    Type: AWS::SecretsManager::Secret
  Charge:
    Type: AWS::Serverless::Function
    Properties:
      Handler: handler.handler
      Runtime: python3.14
      Environment:
        Variables:
          HOOK: !Ref Hook
          IMPORTED: !ImportValue Theirs
          SHARED: shared/database
      Policies:
        - AWSSecretsManagerGetSecretValuePolicy:
            SecretArn: !Ref Stripe
        - Version: 2012-10-17
          Statement:
            - Effect: Allow
              Action: secretsmanager:GetSecretValue
              Resource:
                - !GetAtt Hook.Id
                - !Sub "arn:${AWS::Partition}:secretsmanager:*:*:secret:shared/*"
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: other
      Handler: worker.handler
      Runtime: python3.14
      Policies: SomeManagedPolicy
  Poller:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://bucket/key
      Handler: poller.handler
      Runtime: python3.14
      Events:
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}
  Image:
    Type: AWS::Serverless::Function
    Properties:
      PackageType: Image
  Queue: {Type: AWS::SQS::Queue}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: []}}
"""


@pytest.fixture
def sam(tmp_path):
    for name in ("src", "other"):
        (tmp_path / name).mkdir()
    path = tmp_path / "template.yaml"
    path.write_text(SAM)
    return path


def may_read(read):
    """Return what each function may read, by its variables."""
    return {
        one.path: {key: read.may_read(one, value) for key, value in one.environment.items()}
        for one in read.functions
    }


class TestSam:
    def test_globals_policy_templates_and_statements_are_expanded(self, sam):
        read = read_templates([sam])

        assert may_read(read) == {
            "Charge": {"STRIPE": True, "HOOK": True, "IMPORTED": None, "SHARED": True},
            "Worker": {"STRIPE": None},
            "Poller": {"STRIPE": False},
            "Image": {"STRIPE": False},
        }
        assert [one.name for one in read.secrets] == ["${Env}/stripe", None]

    def test_the_code_is_where_the_template_says(self, sam):
        code = {one.path: one.code for one in read_templates([sam]).functions}

        assert code == {
            "Charge": sam.parent / "src",
            "Worker": sam.parent / "other",
            "Poller": None,
            "Image": None,
        }

    def test_no_region_is_left_behind(self, sam, monkeypatch):
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        read_templates([sam])
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        read_templates([sam])

    def test_what_sam_does_not_accept_is_refused_in_its_words(self, sam):
        sam.write_text(SAM.replace("Handler: handler.handler", "Handlr: handler.handler"))

        with pytest.raises(ConfigurationError, match=r"SAM does not accept .*Charge"):
            read_templates([sam])

    def test_a_template_without_globals(self, sam):
        text = SAM.replace("Globals:", "Metadata:").replace("CodeUri: other", "Description: x")
        sam.write_text(text)

        code = {one.path: one.code for one in read_templates([sam]).functions}

        assert code["Charge"] == code["Worker"] == sam.parent


class TestYaml:
    def test_the_short_forms(self, tmp_path):
        path = tmp_path / "template.yml"
        path.write_text(
            dedent("""
            Resources:
              Charge:
                Type: AWS::Lambda::Function
                Properties:
                  Role: !GetAtt Role.Arn
                  Environment:
                    Variables:
                      A: !Select [0, !Split ["-", !Ref Stripe]]
                      B: !If [Prod, !Ref Stripe, dev/stripe]
                      C: !Sub ["${S}", {S: !Ref Stripe}]
              Role:
                Type: AWS::IAM::Role
                Properties:
                  Policies:
                    - PolicyDocument:
                        Version: 2012-10-17
                        Statement:
                          Effect: Allow
                          Action: secretsmanager:*
                          Resource: !Ref Stripe
              Stripe:
                Type: AWS::SecretsManager::Secret
                Properties: {Name: dev/stripe}
              Other:
                Type: AWS::SSM::Parameter
                Properties: !Transform {Name: "AWS::Include", Parameters: {}}
            """)
        )

        assert may_read(read_templates([path])) == {"Charge": dict.fromkeys("ABC", True)}

    def test_what_is_neither_json_nor_yaml(self, tmp_path):
        path = tmp_path / "template.yaml"
        path.write_text("Resources: [")

        with pytest.raises(ConfigurationError, match="is not YAML: "):
            read_templates([path])
        path.write_text("- 1")
        with pytest.raises(ConfigurationError, match="a template is a JSON object with Resources"):
            read_templates([path])

    def test_the_extra_is_named_where_it_is_missing(self, sam, monkeypatch):
        monkeypatch.setattr(formats, "find_spec", lambda _name: None)

        with pytest.raises(
            ConfigurationError, match=r"is YAML; .*pip install 'core_backend\[check"
        ):
            read_templates([sam])


def write(folder, name, content):
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(json.dumps(content))


def stack_artifact(name, environment="aws://111111111111/eu-central-1"):
    return {
        "type": "aws:cloudformation:stack",
        "environment": environment,
        "properties": {"templateFile": f"{name}.template.json"},
    }


class TestCdkOut:
    @pytest.fixture
    def out(self, tmp_path):
        """Return a folder with a stack of secrets, and one of functions in a stage."""
        out = tmp_path / "cdk.out"
        stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
        artifacts = {"Secrets": stack_artifact("Secrets"), "Prod": stage, "Tree": {"type": "x"}}
        write(out, "manifest.json", {"artifacts": artifacts})
        exports = {"Shop:Stripe": {"Ref": "Stripe"}}
        write(out, "Secrets.template.json", template(exports, Stripe=secret("prod/stripe")))
        inner = out / "assembly-Prod"
        unknown = stack_artifact("Charges", "aws://unknown-account/unknown-region")
        write(inner, "manifest.json", {"artifacts": {"Charges": unknown}})
        stripe = {"Fn::ImportValue": "Shop:Stripe"}
        charge = function(STRIPE=stripe)
        granted = role(inline=allow(stripe))
        write(inner, "Charges.template.json", template(Charge=charge, Role=granted))
        return out

    def test_its_stages_and_what_one_stack_exports_to_another(self, out):
        read = read_templates([out])

        assert may_read(read) == {"1/Charge": {"STRIPE": True}} or may_read(read) == {
            "2/Charge": {"STRIPE": True}
        }
        homes = [(one.name, one.account, one.region) for one in read.stacks]
        assert homes == [("Secrets", "111111111111", "eu-central-1"), ("Charges", None, None)]

    def test_one_template_of_it_knows_where_it_will_be(self, out):
        [stack] = read_templates([out / "Secrets.template.json"]).stacks

        assert (stack.account, stack.region) == ("111111111111", "eu-central-1")

    @pytest.mark.parametrize("how", ["metadata", "assets", "plain"])
    def test_nested_stacks_with_their_parameters_and_outputs(self, out, how):
        digest = "a" * 64
        nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": {}}}
        nested["Properties"]["Parameters"]["Secret"] = {"Ref": "Hook"}
        nested["Properties"]["TemplateURL"] = {"Fn::Sub": f"https://s3/{digest}.json"}
        if how == "metadata":
            nested["Metadata"] = {"aws:asset:path": "Nested.nested.template.json"}
        if how == "assets":
            files = {digest: {"source": {"path": "Nested.nested.template.json"}}}
            write(out, "Secrets.assets.json", {"files": files})
        if how == "plain":
            nested["Properties"]["TemplateURL"] = "Nested.nested.template.json"
        inner = template(
            Worker=function(HOOK={"Ref": "Secret"}, OWN="prod/own"),
            Own=secret("prod/own"),
            Role=role(inline=allow({"Ref": "Secret"}, {"Ref": "Own"})),
        )
        inner["Parameters"] = {"Secret": {"Type": "String"}}
        inner["Outputs"]["Own"] = {"Value": {"Ref": "Own"}}
        write(out, "Nested.nested.template.json", inner)
        outer = template(
            Hook=secret("prod/hook"),
            Nested=nested,
            Charge=function(OWN={"Fn::GetAtt": ["Nested", "Outputs.Own"]}),
            Role=role(),
            Grant=policy(allow({"Fn::GetAtt": ["Nested", "Outputs.Own"]})),
        )
        write(out, "Secrets.template.json", outer)

        read = read_templates([out / "Secrets.template.json"])

        assert may_read(read) == {
            "1/Charge": {"OWN": True},
            "2/Worker": {"HOOK": True, "OWN": True},
        }

    def test_a_nested_template_that_is_not_there_cannot_be_told(self, out):
        nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://x"}}
        value = {"Fn::GetAtt": ["Nested", "Outputs.Own"]}
        one = template(Nested=nested, Charge=function(OWN=value), Role=role(inline=allow(value)))
        other = template(**one["Resources"] | {"Role": role(inline=allow("arn:x"))})
        write(out, "One.template.json", one)
        write(out, "Other.template.json", other)

        assert may_read(read_templates([out / "One.template.json"])) == {"Charge": {"OWN": True}}
        assert may_read(read_templates([out / "Other.template.json"])) == {"Charge": {"OWN": None}}

    def test_a_folder_without_templates(self, tmp_path):
        with pytest.raises(ConfigurationError, match="there is no template in .*run cdk synth"):
            read_templates([tmp_path])
