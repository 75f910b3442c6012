"""What goes before a deployment and needs neither CDK nor Node: the check, and the layer."""

from core_backend.deploy.check import Report, SecretCheck, check
from core_backend.deploy.layer import LayerContents, build_layer, zip_layer

__all__ = ["LayerContents", "Report", "SecretCheck", "build_layer", "check", "zip_layer"]
