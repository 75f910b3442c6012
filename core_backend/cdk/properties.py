"""The properties of CDK's constructs that ours pass through, as type checkers know them.

Each has CDK's own name and type: a typo is found by mypy and pyright, not at synthesis. What a
newer CDK adds works all the same, but type checkers want a line for it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import aws_cdk.interfaces.aws_kms as kms_interfaces
    import aws_cdk.interfaces.aws_lambda as lambda_interfaces
    import aws_cdk.interfaces.aws_logs as logs_interfaces
    from aws_cdk import (
        Duration,
        RemovalPolicy,
        SecretValue,
        Size,
        aws_codeguruprofiler,
        aws_ec2,
        aws_iam,
        aws_kms,
        aws_lambda,
        aws_logs,
        aws_secretsmanager,
        aws_sns,
        aws_sqs,
    )

__all__ = ["FunctionProperties", "LayerProperties", "SecretProperties"]


class FunctionProperties(TypedDict, total=False):
    """Those of ``aws_lambda.Function``, but for ``environment``."""

    adot_instrumentation: aws_lambda.AdotInstrumentationConfig | dict[str, Any] | None
    allow_all_ipv6_outbound: bool | None
    allow_all_outbound: bool | None
    allow_public_subnet: bool | None
    application_log_level: str | None
    application_log_level_v2: aws_lambda.ApplicationLogLevel | None
    architecture: aws_lambda.Architecture | None
    code: aws_lambda.Code
    code_signing_config: lambda_interfaces.ICodeSigningConfigRef | None
    current_version_options: aws_lambda.VersionOptions | dict[str, Any] | None
    dead_letter_queue: aws_sqs.IQueue | None
    dead_letter_queue_enabled: bool | None
    dead_letter_topic: aws_sns.ITopic | None
    description: str | None
    durable_config: aws_lambda.DurableConfig | dict[str, Any] | None
    environment_encryption: kms_interfaces.IKeyRef | None
    ephemeral_storage_size: Size | None
    events: Sequence[aws_lambda.IEventSource] | None
    filesystem: aws_lambda.FileSystem | None
    function_name: str | None
    handler: Required[str]
    initial_policy: Sequence[aws_iam.PolicyStatement] | None
    insights_version: aws_lambda.LambdaInsightsVersion | None
    ipv6_allowed_for_dual_stack: bool | None
    layers: Sequence[aws_lambda.ILayerVersion] | None
    log_format: str | None
    log_group: logs_interfaces.ILogGroupRef | None
    log_removal_policy: RemovalPolicy | None
    log_retention: aws_logs.RetentionDays | None
    log_retention_retry_options: aws_lambda.LogRetentionRetryOptions | dict[str, Any] | None
    log_retention_role: aws_iam.IRole | None
    logging_format: aws_lambda.LoggingFormat | None
    max_event_age: Duration | None
    memory_size: float | None
    on_failure: aws_lambda.IDestination | None
    on_success: aws_lambda.IDestination | None
    params_and_secrets: aws_lambda.ParamsAndSecretsLayerVersion | None
    profiling: bool | None
    profiling_group: aws_codeguruprofiler.IProfilingGroup | None
    recursive_loop: aws_lambda.RecursiveLoop | None
    reserved_concurrent_executions: float | None
    retry_attempts: float | None
    role: aws_iam.IRole | None
    runtime: aws_lambda.Runtime
    runtime_management_mode: aws_lambda.RuntimeManagementMode | None
    security_groups: Sequence[aws_ec2.ISecurityGroup] | None
    snap_start: aws_lambda.SnapStartConf | None
    system_log_level: str | None
    system_log_level_v2: aws_lambda.SystemLogLevel | None
    tenancy_config: aws_lambda.TenancyConfig | None
    timeout: Duration | None
    tracing: aws_lambda.Tracing | None
    vpc: aws_ec2.IVpc | None
    vpc_subnets: aws_ec2.SubnetSelection | dict[str, Any] | None


class SecretProperties(TypedDict, total=False):
    """Those of ``aws_secretsmanager.Secret``, but for ``secret_name``."""

    description: str | None
    encryption_key: aws_kms.IKey | None
    generate_secret_string: aws_secretsmanager.SecretStringGenerator | dict[str, Any] | None
    removal_policy: RemovalPolicy | None
    replica_regions: Sequence[aws_secretsmanager.ReplicaRegion | dict[str, Any]] | None
    secret_object_value: Mapping[str, SecretValue] | None
    secret_string_beta1: aws_secretsmanager.SecretStringValueBeta1 | None
    secret_string_value: SecretValue | None


class LayerProperties(TypedDict, total=False):
    """Those of ``aws_lambda.LayerVersion``, but for ``code``."""

    compatible_architectures: Sequence[aws_lambda.Architecture] | None
    compatible_runtimes: Sequence[aws_lambda.Runtime] | None
    description: str | None
    layer_version_name: str | None
    license: str | None
    removal_policy: RemovalPolicy | None
