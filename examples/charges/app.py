"""The CDK app: ``cdk deploy`` for dev, ``cdk deploy -c env=prod`` for prod."""

from aws_cdk import App
from stack import ChargesStack

app = App()
env_name = app.node.try_get_context("env") or "dev"
ChargesStack(app, f"Charges-{env_name}", env_name=env_name)
app.synth()
