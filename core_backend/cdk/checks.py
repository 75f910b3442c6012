"""The checks at synthesis: one look at the templates of the whole app, for all its functions.

CDK calls a validation plugin when the templates are written. So whatever construct a function came
from, and however it was granted what it may do, the same rules hold as for ``check``, and the time
does not grow with the square of the functions.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import (
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Stack,
    Validations,
)

from core_backend.deploy.code import check_code
from core_backend.deploy.formats import read_templates
from core_backend.deploy.rules import Finding, check_function, check_secrets
from core_backend.names import SecretName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import IPolicyValidationContext, aws_lambda
    from constructs import IConstruct

    from core_backend.deploy.template import Template

__all__ = ["Known", "check_functions", "register"]


def check_functions(scope: IConstruct) -> None:
    """Check every function and secret of an app when it is synthesized.

    What cannot work ends the synthesis; what may be meant is a warning. Each message names the
    construct, the rule and the fix. ``make_function`` calls this by itself. To allow something for
    one construct::

        Validations.of(function).acknowledge(
            Acknowledgment(id="core_backend::secret-not-readable", reason="...")
        )

    Args:
        scope: The app, or any construct of it.
    """
    _plugin_of(scope)


class Known(NamedTuple):
    """What is known of one function beside its template."""

    function: aws_lambda.Function
    names: dict[str, str]
    """The variables that carry a secret's real name, each with the name."""
    faults: list[tuple[str, str, str]]
    """What is wrong and in no template: rule, message and fix."""


def register(known: Known) -> None:
    """Check a function's app, with what is known of the function."""
    _plugin_of(known.function).known.append(known)


def _plugin_of(scope: IConstruct) -> _Plugin:
    root = scope.node.root
    if root not in _plugins:
        # For type checkers, jsii's decorator makes no plugin of the class.
        plugin: Any = _Plugin()
        _plugins[root] = plugin
        Validations.of(root).add_plugins(plugin)
    return _plugins[root]


@jsii.implements(IPolicyValidationPlugin)
class _Plugin:
    """What CDK calls with the templates."""

    def __init__(self) -> None:
        self.known: list[Known] = []

    @property
    def name(self) -> str:
        """The first part of each rule's id."""
        return "core_backend"

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Return what is wrong; CDK calls this."""
        app: Any = context.app_construct
        template = read_templates([app.outdir])
        findings = list(_check(template, dict(self._find_known())))
        return PolicyValidationPluginReport(
            success=not any(one.is_error for one in findings),
            violations=[_violation(template, one) for one in findings],
        )

    def _find_known(self) -> Iterator[tuple[tuple[str, str], Known]]:
        """Yield what is known of functions, under the template and the logical id of each."""
        for one in self.known:
            resource: Any = one.function.node.default_child
            stack = Stack.of(one.function)
            yield (stack.template_file, stack.resolve(resource.logical_id)), one


# The plugin has to live as long as the app: CDK's side keeps no Python object alive.
_plugins: WeakKeyDictionary[IConstruct, _Plugin] = WeakKeyDictionary()


def _check(template: Template, known: dict[tuple[str, str], Known]) -> Iterator[Finding]:
    modules = _names_modules()
    for function in template.functions:
        file = Path(template.stacks[function.stack].source).name
        one = known.get((file, function.id))
        if one is not None and one.faults:
            # What is missing because of them would only be noise.
            for rule, message, fix in one.faults:
                yield Finding(rule, function.key, message, fix)
            continue
        yield from check_function(template, function, None if one is None else one.names)
        yield from check_code(template, function, modules)
    yield from check_secrets(template)


def _names_modules() -> frozenset[str]:
    """Return the modules that declare names, as far as this app has imported them."""
    return frozenset(
        name.rpartition(".")[2]
        for name, module in list(sys.modules.items())
        if not name.startswith("core_backend.")
        and any(isinstance(value, SecretName) for value in vars(module).values())
        and getattr(module, "__name__", "__main__") != "__main__"
    )


def _violation(template: Template, finding: Finding) -> PolicyViolation:
    number = template.homes[finding.key]
    resource = PolicyViolatingResource(
        resource_logical_id=finding.key.rpartition("/")[2],
        template_path=template.stacks[number].source,
        locations=[],
    )
    return PolicyViolation(
        rule_name=finding.rule,
        description=finding.message,
        fix=finding.fix,
        severity="error" if finding.is_error else "warning",
        violating_resources=[resource],
    )
