"""The check before a deployment: is each secret that the code uses declared and granted?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from core_backend.deploy.declared import declared_names
from core_backend.deploy.grants import intrinsics, text_of
from core_backend.deploy.template import read_templates
from core_backend.deploy.usage import read_usage, sources
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from core_backend.deploy.grants import DeclaredSecret
    from core_backend.deploy.template import Template, TemplateFunction
    from core_backend.deploy.usage import Source
    from core_backend.names import SecretName

    Path = str | os.PathLike[str]

__all__ = ["Report", "SecretCheck", "check"]


class SecretCheck(NamedTuple):
    """One declared name, in one function."""

    name: str
    variable: str
    """Its ``env_key``."""
    function: str
    """The construct path of the function."""
    used_at: tuple[str, ...]
    """Where the code uses it, as ``handler.py:12``; empty if it does not."""
    declared: bool
    """Whether a template declares the secret, or it was said to be external."""
    real_name: str | None
    """What the secret is called in this environment, as far as the template says."""
    in_environment: bool
    """Whether the function's environment has its variable."""
    granted: bool | None
    """Whether the function may read it; ``None`` if that is decided outside of the templates."""

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is missing for the code to get its value, each with the fix; empty if unused."""
        if not self.used_at:
            return ()
        gaps: list[str] = []
        if not self.declared:
            gaps.append(f"no template declares it; add Secret(stack, {self.variable}, ...)")
        if not self.in_environment:
            gaps.append(
                f"{self.function} has no variable {self.variable}; add "
                f"environment={{{self.variable}: secret.secret_name}}"
            )
        elif self.granted is False:
            gaps.append(f"{self.function} may not read it; add function.grant_read(secret)")
        return tuple(gaps)


class Report(NamedTuple):
    """What the check found. ``str`` of it is a table."""

    secrets: tuple[SecretCheck, ...]
    """Every declared name, once for each function that runs the code."""
    unnamed: tuple[str, ...]
    """Secrets of the templates that no declared name and no function's environment refers to."""
    unseen: tuple[str, ...]
    """Where the code asks for secrets in a way that cannot be told from its text."""

    @property
    def ok(self) -> bool:
        """Whether nothing is missing, as far as was to be seen."""
        return not any(one.gaps for one in self.secrets)

    @property
    def unused(self) -> tuple[str, ...]:
        """Declared names that the code does not use."""
        return tuple(dict.fromkeys(one.name for one in self.secrets if not one.used_at))

    def __str__(self) -> str:
        """Return a table of the secrets, and below it what is missing, unused and unseen."""
        lists = {
            "Missing": [f"{one.name}: {gap}" for one in self.secrets for gap in one.gaps],
            "Declared, but not used by this code": self.unused,
            "In a template, but in no function's environment": self.unnamed,
            "Not to be seen from the code": self.unseen,
        }
        below = [
            "\n".join([f"{title}:", *(f"  {item}" for item in items)])
            for title, items in lists.items()
            if items
        ]
        return "\n\n".join([_table(self.secrets), *below])


def check(
    template: Mapping[str, Any] | Path | Sequence[Mapping[str, Any] | Path],
    *,
    names: ModuleType | Path,
    handler: Path | Sequence[Path],
    function: str | None = None,
    external: Iterable[str] = (),
) -> Report:
    """Compare the secrets that a handler's code uses with what a template gives the function.

    The code is read, not run; the module of names is imported.

    Args:
        template: A synthesized template, or the path of one, or all those that are deployed
            together.
        names: The module that declares the names, its dotted name or the path of its file.
        handler: The handler's source: files, or folders with all that is deployed.
        function: The function's logical id or construct path. Without it, each function of the
            template whose handler is in the source.
        external: Names whose secrets are declared elsewhere.

    Raises:
        ConfigurationError: Something given does not exist or is not what it should be.
    """
    given: Any = template
    single = isinstance(template, str | os.PathLike | Mapping)
    templates = read_templates([given] if single else given)
    files = sources([handler] if isinstance(handler, str | os.PathLike) else handler)
    declared = declared_names(names)
    usage = read_usage(files, declared)
    checks = tuple(
        _checked(name, one, templates, tuple(usage.uses.get(key, ())), key in set(external))
        for one in _functions(templates.functions, files, function)
        for key, name in declared.names.items()
    )
    return Report(checks, _unnamed(templates, checks), tuple(usage.unseen))


def _functions(
    functions: Sequence[TemplateFunction], files: Iterable[Source], wanted: str | None
) -> list[TemplateFunction]:
    if wanted is None:
        modules = [PurePosixPath(file.shown).with_suffix("").parts for file in files]
        found = [one for one in functions if _runs(one.handler, modules)]
    else:
        found = [one for one in functions if wanted in (one.id, one.path)]
    if not found:
        if not functions:
            raise ConfigurationError(
                "there is no Lambda function in the template; pass that of the stack that has it"
            )
        there = ", ".join(f"{one.path} ({one.handler})" for one in functions)
        which = "has its handler in the source given" if wanted is None else f"is {wanted}"
        raise ConfigurationError(
            f"no function of the template {which}; it has: {there}. Name one of these as the "
            f"function, or pass the source that belongs to it"
        )
    return found


def _runs(handler: str, modules: Iterable[tuple[str, ...]]) -> bool:
    module = tuple(handler.rpartition(".")[0].replace("/", ".").split("."))
    return any(one[-len(module) :] == module or module[-len(one) :] == one for one in modules)


def _checked(
    name: SecretName[Any],
    function: TemplateFunction,
    templates: Template,
    used_at: tuple[str, ...],
    external: bool,  # noqa: FBT001  # said once, for this one
) -> SecretCheck:
    value = function.environment.get(name.env_key)
    secret = _secret_of(name, value, templates.secrets)
    real_name = secret.name if secret else None if value is None else text_of(value)
    return SecretCheck(
        name=str(name),
        variable=name.env_key,
        function=function.path,
        used_at=used_at,
        declared=external or secret is not None,
        real_name=real_name,
        in_environment=bool(value),
        granted=value is not None and function.may_read(value, templates.secrets),
    )


def _secret_of(name: str, value: Any, secrets: Iterable[DeclaredSecret]) -> DeclaredSecret | None:
    """Return the secret that a variable's value names or, without a value, that is called so."""
    for secret in secrets:
        called = secret.name or ""
        if value is None:
            if called == name or called.endswith(f"/{name}"):
                return secret
        elif secret.arn in intrinsics(value) or called == text_of(value):
            return secret
    return None


def _unnamed(templates: Template, checks: Iterable[SecretCheck]) -> tuple[str, ...]:
    known = {one.real_name for one in checks if one.real_name}
    values = [value for one in templates.functions for value in one.environment.values()]
    return tuple(
        secret.name or secret.path
        for secret in templates.secrets
        if secret.name not in known and not any(_secret_of("", value, [secret]) for value in values)
    )


def _table(checks: Iterable[SecretCheck]) -> str:
    rows = [("SECRET", "FUNCTION", "USED", "DECLARED", "ENVIRONMENT", "GRANTED", "REAL NAME")]
    rows += [
        (
            one.name,
            one.function,
            _said(bool(one.used_at)),
            _said(one.declared),
            _said(one.in_environment),
            _said(one.granted),
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


def _said(fact: bool | None) -> str:  # noqa: FBT001  # it is what is said
    return {True: "yes", False: "NO", None: "?"}[fact]
