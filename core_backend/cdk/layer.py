"""A layer with what a function needs of this package, bundled on this machine without Docker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import (
    Annotations,
    AssetHashType,
    BundlingOptions,
    ILocalBundling,
    aws_lambda,
)

import core_backend
from core_backend.deploy.layer import build_layer, interpreter_for

if TYPE_CHECKING:
    from typing import Unpack

    from aws_cdk import DockerImage
    from constructs import Construct

    from core_backend.cdk.properties import LayerProperties

__all__ = ["runtime_layer"]


def runtime_layer(
    scope: Construct,
    id: str,  # noqa: A002  # CDK's word
    *,
    with_sdk: bool = False,
    runtime: aws_lambda.Runtime | None = None,
    architecture: aws_lambda.Architecture | None = None,
    **props: Unpack[LayerProperties],
) -> aws_lambda.LayerVersion:
    """Make a layer with this package, as it is installed where the stack is synthesized.

    It is bytecode for one Python: CDK refuses it on a function of another. Where that Python is
    not on this machine it is source, which starts later, and synthesis warns of it.

    Args:
        scope: The construct it belongs to.
        id: Its construct id.
        with_sdk: Also bring aiobotocore, for functions that need its ways to credentials.
            Downloaded with pip at synthesis.
        runtime: The Python of the functions; 3.14, as ``make_function`` has it.
        architecture: That of the functions; arm64, as ``make_function`` has it. Only the SDK
            depends on it.
        **props: Every other property of ``aws_lambda.LayerVersion``.
    """
    runtime = runtime or aws_lambda.Runtime.PYTHON_3_14
    architecture = architecture or aws_lambda.Architecture.ARM_64
    python = runtime.name.removeprefix("python")
    bundling = BundlingOptions(
        # Never pulled: it is named because CDK wants one to fall back on.
        image=runtime.bundling_image,
        local=_Bundling(python, architecture.name, with_sdk=with_sdk),
    )
    code = aws_lambda.Code.from_asset(
        str(Path(core_backend.__file__).parent),
        bundling=bundling,
        asset_hash_type=AssetHashType.OUTPUT,
    )
    properties: dict[str, Any] = {"compatible_runtimes": [runtime]}
    if with_sdk:
        properties["compatible_architectures"] = [architecture]
    given: dict[str, Any] = {**props}
    layer = aws_lambda.LayerVersion(scope, id, code=code, **(properties | given))
    if interpreter_for(python) is None:
        Annotations.of(layer).add_warning_v2(
            "core_backend:layerWithoutBytecode",
            f"Python {python} is not on this machine, so the layer is source and cold starts "
            f"take longer; install it, or pass runtime= to runtime_layer and make_function",
        )
    return layer


@jsii.implements(ILocalBundling)
class _Bundling:
    """Builds the layer where CDK would start a container."""

    def __init__(self, python: str, architecture: str, *, with_sdk: bool) -> None:
        self._python = python
        self._architecture = architecture
        self._with_sdk = with_sdk

    def try_bundle(
        self,
        output_dir: str,
        *,
        image: DockerImage,  # noqa: ARG002  # jsii passes the options that are named here
        **_options: Any,
    ) -> bool:
        """Fill the folder; CDK calls this."""
        build_layer(
            output_dir,
            with_sdk=self._with_sdk,
            python=self._python,
            architecture=self._architecture,
        )
        return True
