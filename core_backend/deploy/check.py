"""The check before a deployment: does each handler get the secrets that its code asks for?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.deploy.code import find_code
from core_backend.deploy.declared import declared_names
from core_backend.deploy.formats import read_templates
from core_backend.deploy.grants import as_list, find_secret, intrinsics, text_of
from core_backend.deploy.rules import check_function, check_variable
from core_backend.deploy.terraform import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

    from core_backend.deploy.code import HandlerCode
    from core_backend.deploy.declared import DeclaredNames
    from core_backend.deploy.grants import DeclaredSecret
    from core_backend.deploy.template import Template, TemplateFunction
    from core_backend.names import SecretName

    PathLike = str | os.PathLike[str]

__all__ = ["Report", "SecretCheck", "check"]


class SecretCheck(NamedTuple):
    """One declared name, in one function."""

    name: str
    variable: str
    """Its ``env_key``."""
    function: str
    """The construct path of the function, or its logical id."""
    used_at: tuple[str, ...]
    """Where the handler's code asks for it, as ``handler.py:12``; empty if it does not."""
    declared: bool | None
    """Whether a template declares the secret, or it was said to be external. ``None`` if it cannot
    be told, because the variable names a secret that no template declares."""
    real_name: str | None
    """What the secret is called in this environment, as far as the template says."""
    in_environment: bool | None
    """Whether the function's environment has its variable. ``None`` if a condition decides."""
    granted: bool | None
    """Whether the function may read it. ``None`` if the templates do not tell."""
    gaps: tuple[str, ...]
    """What keeps the code from getting its value, each with the fix; empty if it is not used."""


class Report(NamedTuple):
    """What the check found. ``str`` of it is a table, with lists below."""

    secrets: tuple[SecretCheck, ...]
    """Every declared name, once for each function."""
    unnamed: tuple[str, ...]
    """Secrets of the templates that no declared name and no function's environment refers to."""
    unseen: tuple[str, ...]
    """What cannot be told, each with its place. Most are requests whose secret the code does not
    say."""
    faults: tuple[str, ...] = ()
    """What cannot work beside missing secrets, each with its place and the fix."""
    warnings: tuple[str, ...] = ()
    """What may fail, or be lost, later."""
    strict: bool = False
    """Whether ``ok`` also wants that everything could be told."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; with ``strict``, also whether everything could be told."""
        wrong = self.faults or any(one.gaps for one in self.secrets)
        return not wrong and not (self.strict and self.unseen)

    @property
    def unused(self) -> tuple[str, ...]:
        """Declared names that no handler asks for."""
        used = {one.name for one in self.secrets if one.used_at}
        return tuple(dict.fromkeys(one.name for one in self.secrets if one.name not in used))

    def __str__(self) -> str:
        """Return a table of the secrets, and below it what is wrong, unused and unknown."""
        gaps = [f"{one.name}: {gap}" for one in self.secrets for gap in one.gaps]
        lists = {
            "Wrong": [*gaps, *self.faults],
            "Warnings": self.warnings,
            "Declared, but not used by this code": self.unused,
            "In a template, but in no function's environment": self.unnamed,
            "Cannot be told": self.unseen,
        }
        below = [
            "\n".join([f"{title}:", *(f"  {item}" for item in items)])
            for title, items in lists.items()
            if items
        ]
        return "\n\n".join([_table(self.secrets), *below])


def check(  # noqa: PLR0913  # each is a fact that only the caller knows
    template: Mapping[str, Any] | PathLike | Sequence[Mapping[str, Any] | PathLike],
    *,
    names: ModuleType | PathLike,
    handler: PathLike | Sequence[PathLike] | None = None,
    function: str | None = None,
    external: Iterable[str] = (),
    strict: bool = False,
) -> Report:
    """Compare the secrets that each handler's code asks for with what its function gets.

    The code is read, not run; the module of names is imported.

    Args:
        template: What will be deployed, or several that are deployed together: a folder
            ``cdk.out``, a CloudFormation or SAM template as JSON or YAML, the JSON of a Terraform
            or OpenTofu plan, or a template as a mapping. SAM and YAML need the extra ``check``.
        names: The module that declares the names, its dotted name or the path of its file.
        handler: The handlers' source: files, or folders. Without it, the code that the template
            names: CDK's asset, or SAM's ``CodeUri``.
        function: The function's logical id or construct path. Without it, each Python function
            whose handler is in the source.
        external: Names whose secrets are declared elsewhere.
        strict: Whether the report is ``ok`` only if everything could be told.

    Raises:
        ConfigurationError: Something given does not exist or is not what it should be.
    """
    given: Any = template
    single = isinstance(template, str | os.PathLike | Mapping)
    templates = read_templates([given] if single else given)
    declared = declared_names(names)
    sources = [handler] if isinstance(handler, str | os.PathLike) else handler
    found, skipped = find_code(templates, declared, sources, function)
    outside = frozenset(external)
    secrets: list[SecretCheck] = []
    unseen: list[str] = []
    faults = list(_shared_variables(declared))
    warnings: list[str] = []
    for code in found:
        one = code.function
        for key, name in declared.names.items():
            place = tuple(code.usage.uses.get(key, ()))
            checked, questions = _check(name, one, templates, declared, place, outside)
            secrets.append(checked)
            unseen += questions
        faults += [f"{one.path}: {fault}" for fault in code.usage.faults]
        unseen += code.usage.unseen
        _judge(templates, code, declared, faults, warnings)
    return Report(
        tuple(secrets),
        _unnamed(templates, secrets),
        tuple(dict.fromkeys([*unseen, *skipped])),
        tuple(dict.fromkeys(faults)),
        tuple(dict.fromkeys(warnings)),
        strict,
    )


def _judge(
    templates: Template,
    code: HandlerCode,
    declared: DeclaredNames,
    faults: list[str],
    warnings: list[str],
) -> None:
    """Add what the rules for templates find, beside the secrets that the code uses."""
    own = {name.env_key: key in code.usage.uses for key, name in declared.names.items()}
    for finding in check_function(templates, code.function):
        about = [used for key, used in own.items() if f"variable {key} " in finding.message]
        # Of a secret that the code uses, it is told as a gap. Of another, nothing but its value
        # in plain text is a mistake.
        is_told = any(about) if finding.rule == "secret-value-in-variable" else bool(about)
        if not is_told or not finding.is_error:
            found = faults if finding.is_error else warnings
            found.append(f"{code.function.path}: {finding}")


def _check(  # noqa: PLR0913, PLR0917  # one name in one function, and all that is known of both
    name: SecretName[Any],
    function: TemplateFunction,
    templates: Template,
    declared: DeclaredNames,
    used_at: tuple[str, ...],
    external: frozenset[str],
) -> tuple[SecretCheck, list[str]]:
    """Compare one name with what a function gets; also return what cannot be told."""
    value = function.environment.get(name.env_key)
    is_external = str(name) in external
    secret = _secret_of(name, value, templates, function)
    real_name = secret.name if secret else None if value is None else text_of(value)
    in_environment = None if {"Ref": "AWS::NoValue"} in intrinsics(value) else bool(value)
    is_declared: bool | None = is_external or secret is not None
    gaps: list[str] = []
    unseen: list[str] = []
    granted = value is not None and templates.may_read(function, value)
    if function.hides_environment:
        in_environment = granted = None
        named = secret is not None and secret.arn in intrinsics(dict(function.properties))
        if secret is not None and named:
            granted = templates.may_read(function, secret.arn)
        if granted is False:
            gaps.append(
                f"{function.path}: its environment names the secret {real_name!r}, which the "
                f"function may not read; allow it secretsmanager:GetSecretValue on that secret"
            )
        elif not named:
            unseen.append(
                f"{function.path}: only the deployment knows its variables, and so whether "
                f"{name.env_key} is one of them"
            )
    elif value is None:
        if not is_declared:
            gaps.append(
                f"no template declares it; add Secret(stack, {name.env_key}, ...), or say with "
                f"--external {name} that it is declared elsewhere"
            )
        gaps.append(
            f"{function.path} has no variable {name.env_key}; add "
            f'environment={{"{name.env_key}": secret.secret_name}}'
        )
    else:
        wrong = _wrong_secret(name, value, secret, templates, declared, function)
        if wrong:
            gaps.append(f"{function.path}: {wrong}")
        found = [one for one in check_variable(templates, function, name.env_key) if one.is_error]
        gaps += [f"{function.path}: {one}" for one in found]
        is_declared = is_declared or None
        if not gaps:
            open_questions = _list_unknown(name, value, is_declared=is_declared, granted=granted)
            unseen += [f"{function.path}: {one}" for one in open_questions]
    checked = SecretCheck(
        name=str(name),
        variable=name.env_key,
        function=function.path,
        used_at=used_at,
        declared=is_declared,
        real_name=real_name,
        in_environment=in_environment,
        granted=granted,
        gaps=tuple(gaps) if used_at else (),
    )
    return checked, unseen if used_at else []


def _list_unknown(
    name: SecretName[Any], value: Any, *, is_declared: bool | None, granted: bool | None
) -> Iterator[str]:
    """Yield what the templates do not tell of the secret that a variable names."""
    if not is_declared and UNKNOWN in intrinsics(value):
        yield f"only the deployment knows which secret {name.env_key} names"
    elif not is_declared:
        yield (
            f"no template declares the secret {text_of(value)!r} of {name.env_key}; if it is "
            f"declared elsewhere, pass --external {name}"
        )
    if granted is None:
        yield (
            f"the templates do not tell whether it may read the secret that {name.env_key} names; "
            f"see that its role allows secretsmanager:GetSecretValue on it"
        )


def _secret_of(
    name: str, value: Any, templates: Template, function: TemplateFunction
) -> DeclaredSecret | None:
    """Return the secret that a variable's value names or, without a value, that is called so."""
    own_first = sorted(templates.secrets, key=lambda one: one.stack != function.stack)
    if value is not None:
        found = (find_secret(one, own_first) for one in as_list(value))
        return next((one for one in found if one), None)
    return next((one for one in own_first if _is_named(one.name, name)), None)


def _wrong_secret(  # noqa: PLR0913, PLR0917  # the same facts
    name: str,
    value: Any,
    secret: DeclaredSecret | None,
    templates: Template,
    declared: DeclaredNames,
    function: TemplateFunction,
) -> str | None:
    """Return why a variable's secret is surely another's, if it is."""
    variable = declared.names[str(name)].env_key
    called = (secret.name if secret else None) or text_of(value).partition(":secret:")[2]
    called = called or text_of(value)
    others = [one for one in declared.names if _is_named(called, one)]
    owner = max(others, key=len, default=str(name))
    if owner != str(name) and str(name) not in others:
        return (
            f"the environment variable {variable} carries {called!r}, the real name of {owner}; "
            f"give it the secret of {name}"
        )
    own = [
        one.name
        for one in templates.secrets
        if one.stack == function.stack and one.name and _is_named(one.name, name)
    ]
    if str(name) in others and own and called not in own:
        return (
            f"the environment variable {variable} carries {called!r}, but the template of this "
            f"function declares {own[0]!r}; a function takes the secret of its own environment"
        )
    return None


def _is_named(real_name: str | None, name: str) -> bool:
    """Tell whether a real name is that of a declared name, in whatever environment."""
    text = (real_name or "").removesuffix("-??????")
    return text == name or text.endswith(f"/{name}")


def _shared_variables(declared: DeclaredNames) -> Iterator[str]:
    """Find names that the handler would read from the same variable."""
    names = list(declared.names.values())
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            if one.env_key == other.env_key:
                yield (
                    f"{declared.module}: {str(one)!r} and {str(other)!r} both use the environment "
                    f"variable {one.env_key}, so one of them gets the other's secret; rename one"
                )


def _unnamed(templates: Template, checks: Iterable[SecretCheck]) -> tuple[str, ...]:
    known = {one.real_name for one in checks if one.real_name}
    values = [
        part
        for one in templates.functions
        for value in one.environment.values()
        for part in as_list(value)
    ]
    return tuple(
        secret.name or secret.path
        for secret in templates.secrets
        if secret.name not in known and not any(find_secret(value, [secret]) for value in values)
    )


def _table(checks: Iterable[SecretCheck]) -> str:
    rows = [("SECRET", "FUNCTION", "USED", "DECLARED", "ENVIRONMENT", "GRANTED", "REAL NAME")]
    rows += [
        (
            one.name,
            one.function,
            "yes" if one.used_at else "-",
            _say(one.declared, is_used=bool(one.used_at)),
            _say(one.in_environment, is_used=bool(one.used_at)),
            _say(one.granted, is_used=bool(one.used_at)),
            one.real_name or "-",
        )
        for one in checks
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _say(fact: bool | None, *, is_used: bool) -> str:  # noqa: FBT001  # it is what is said
    # What the code does not use may be missing.
    return "yes" if fact else "?" if fact is None else "NO" if is_used else "-"
