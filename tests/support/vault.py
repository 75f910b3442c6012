"""The secrets that a made-up Secrets Manager holds, and how the real one words its answers."""

from __future__ import annotations

import base64
import itertools
from typing import Any

__all__ = ["Refusal", "Vault"]

ACCOUNT = "123456789012"


class Refusal(Exception):  # noqa: N818  # an answer of the service, not a failure of it
    """An error answer, as the service words it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


class _Secret:
    def __init__(self, name: str, region: str) -> None:
        self.name = name
        self.arn = f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-AbCdEf"
        self.versions: dict[str, str | bytes] = {}
        self.stages: dict[str, str] = {}
        self.deleted = False


class Vault:
    """Secrets with their versions and stages, by name and by ARN."""

    def __init__(self, region: str) -> None:
        self.page = 20
        """How many secrets BatchGetSecretValue puts on a page."""
        self._region = region
        self._secrets: dict[str, _Secret] = {}
        self._numbers = itertools.count(1)

    def put(self, name: str, value: str | bytes, *, stage: str = "AWSCURRENT") -> str:
        """Store a new version at ``stage`` and return its id.

        The version that was current becomes ``AWSPREVIOUS``.
        """
        secret = self._secrets.setdefault(name, _Secret(name, self._region))
        version = f"{next(self._numbers):08d}-0000-4000-8000-000000000000"
        if stage == "AWSCURRENT" and stage in secret.stages:
            secret.stages["AWSPREVIOUS"] = secret.stages[stage]
        secret.versions[version] = value
        secret.stages[stage] = version
        return version

    def create_empty(self, name: str) -> None:
        """Declare a secret that nobody gives a value."""
        self._secrets[name] = _Secret(name, self._region)

    def delete(self, name: str) -> None:
        """Mark a secret for deletion."""
        self._secrets[name].deleted = True

    def restore(self, name: str) -> None:
        """Take back the deletion of a secret."""
        self._secrets[name].deleted = False

    def arn(self, name: str) -> str:
        """Return the full ARN of a secret."""
        return self._secrets[name].arn

    def answer(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return what the service answers.

        Raises:
            Refusal: The service would answer with an error.
        """
        if operation == "GetSecretValue":
            return self._get(parameters)
        if operation == "DescribeSecret":
            return self._describe(parameters)
        if operation == "BatchGetSecretValue":
            return self._get_batch(parameters)
        raise Refusal("UnknownOperationException", "")

    def _get(self, parameters: dict[str, Any]) -> dict[str, Any]:
        secret = self._find(parameters)
        version, stage = parameters.get("VersionId"), parameters.get("VersionStage")
        found = version or secret.stages.get(stage or "AWSCURRENT", "")
        if found not in secret.versions or (stage and secret.stages.get(stage) != found):
            what = f"VersionId: {version}" if version else f"staging label: {stage or 'AWSCURRENT'}"
            raise Refusal(
                "ResourceNotFoundException",
                f"Secrets Manager can't find the specified secret value for {what}",
            )
        value = secret.versions[found]
        shown = (
            {"SecretString": value}
            if isinstance(value, str)
            else {"SecretBinary": base64.b64encode(value).decode()}
        )
        stages = [stage for stage, version in secret.stages.items() if version == found]
        return {
            "ARN": secret.arn,
            "CreatedDate": 1.7e9,
            "Name": secret.name,
            **shown,
            "VersionId": found,
            "VersionStages": stages,
        }

    def _get_batch(self, parameters: dict[str, Any]) -> dict[str, Any]:
        ids = parameters["SecretIdList"]
        if not 1 <= len(ids) <= 20 or len(ids) != len(set(ids)):
            raise Refusal("InvalidParameterException", "SecretIdList is too long, or repeats an id")
        start = int(parameters.get("NextToken", "0"))
        values, errors = [], []
        # Backwards: there is no order that a client may count on.
        for secret_id in ids[::-1][start : start + self.page]:
            try:
                values.append(self._get({"SecretId": secret_id}))
            except Refusal as refusal:
                told = {"ErrorCode": refusal.code, "Message": refusal.message}
                errors.append({"SecretId": secret_id, **told})
        answer = {"SecretValues": values, "Errors": errors}
        if start + self.page < len(ids):
            answer["NextToken"] = str(start + self.page)
        return answer

    def _describe(self, parameters: dict[str, Any]) -> dict[str, Any]:
        secret = self._find(parameters)
        ids: dict[str, list[str]] = {version: [] for version in secret.versions}
        for stage, version in secret.stages.items():
            ids[version].append(stage)
        return {"ARN": secret.arn, "Name": secret.name, "VersionIdsToStages": ids}

    def _find(self, parameters: dict[str, Any]) -> _Secret:
        secret_id = parameters.get("SecretId", "")
        for secret in self._secrets.values():
            # An ARN is also understood without the six characters the service appended.
            if secret_id in {secret.name, secret.arn, secret.arn[:-7]}:
                break
        else:
            raise Refusal(
                "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
            )
        if secret.deleted:
            raise Refusal(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for "
                "deletion.",
            )
        return secret
