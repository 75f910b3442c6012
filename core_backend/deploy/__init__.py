"""What goes before a deployment and needs neither CDK nor Node: the check, and the layer."""

from core_backend.deploy.check import Report, SecretCheck, check

__all__ = ["Report", "SecretCheck", "check"]
