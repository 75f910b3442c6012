"""Declare the secrets of a stack once, and hand them to its functions. Extra ``cdk``.

Each part is a construct of AWS CDK v2 or a function that makes one: it passes every property
through, checks early, and adds only what its own documentation names. Importing this starts Node,
as importing ``aws_cdk`` does; the check and the layer's contents live in ``core_backend.deploy``,
which needs neither.
"""

from core_backend.cdk.checks import check_functions
from core_backend.cdk.function import Function, make_function
from core_backend.cdk.layer import runtime_layer
from core_backend.cdk.secret import Secret
from core_backend.deploy import check
from core_backend.names import get_resource_name

__all__ = [
    "Function",
    "Secret",
    "check",
    "check_functions",
    "get_resource_name",
    "make_function",
    "runtime_layer",
]
