"""The options that commands share, and their defaults for a project."""

from __future__ import annotations

import os
import tomllib
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.core import ParameterSource

from core_backend.cli.declarations import Declarations, DeclaredSecret, RealNames, load_declarations
from core_backend.cli.run import CommandError, Run
from core_backend.errors import CoreBackendError
from core_backend.names import get_resource_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "as_json",
    "assume_yes",
    "common",
    "complete_name",
    "create",
    "environment",
    "environments",
    "examples",
    "find_name",
    "names",
    "real_names",
    "refuse_value",
    "with_run",
]

F = TypeVar("F", bound="Callable[..., Any]")

_PROJECT_KEYS = ("env", "names")


def _run_option(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_store_in_run, **settings)


def _store_in_run(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value and parameter.name:
        setattr(context.ensure_object(Run), parameter.name, value)


def common(command: F) -> F:
    """Add the options of the AWS CLI, and ``--debug``.

    The group and each command have them, so they may stand before or after the command's name.
    The last one wins.
    """
    for add in (
        _run_option("--debug", is_flag=True, help="Show a traceback, with all values masked."),
        _run_option("--endpoint-url", metavar="URL", help="Another endpoint than AWS's own."),
        _run_option("--region", metavar="REGION", help="The AWS Region."),
        _run_option("--profile", metavar="NAME", help="The AWS profile to use."),
    ):
        command = add(command)
    return command


def with_run(command: F) -> F:
    """Add ``--output`` and the options of every command, and pass the ``Run``."""
    output = _run_option(
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="The form of the output: for a person or for a program.",
    )
    return output(common(cast("F", click.pass_obj(command))))


def examples(*lines: str) -> str:
    """Return the examples for the end of a help text. An indented line continues the last one."""
    several = sum(not line.startswith(" ") for line in lines) > 1
    return "\n".join(["\b", "Examples:" if several else "Example:", *map("  {}".format, lines)])


def names(*, required: bool = True) -> Callable[[F], F]:
    """Add ``--names``, which becomes ``Declarations``."""
    return click.option(
        "--names",
        "declared",
        type=_load_declarations,
        default=lambda: _read_project_setting("names"),
        callback=_require if required else None,
        envvar="CORE_BACKEND_NAMES",
        metavar="MODULE",
        help="The module that declares the secrets: app.secret_names, or a path to a .py file. "
        "The default is in pyproject.toml, [tool.core_backend] names, or in CORE_BACKEND_NAMES.",
    )


def environment(*, default: str | None = None, required: bool = True) -> Callable[[F], F]:
    """Add ``--env``. Without a default here, the project may have one."""
    help_text = "The environment: the real name of a secret is NAME/name."
    # click takes None for a default.
    settings: dict[str, Any] = {"default": default, "show_default": True, "help": help_text}
    if default is None:
        settings = {
            "default": lambda: _read_project_setting("env"),
            "callback": _require if required else None,
            "envvar": "CORE_BACKEND_ENV",
            "help": f"{help_text} The default is in pyproject.toml, [tool.core_backend] env, or "
            "in CORE_BACKEND_ENV.",
        }
    return click.option("--env", "env_name", type=_check_environment, metavar="NAME", **settings)


def real_names(command: F) -> F:
    """Add ``--names``, and the three options that become a ``RealNames``."""

    @wraps(command)
    def call(
        *arguments: Any,
        env_name: str | None,
        templates: tuple[Path, ...],
        function: str | None,
        **options: Any,
    ) -> Any:
        context = click.get_current_context()
        # A default environment gives way to the other options.
        source = context.get_parameter_source("env_name")
        given = env_name if source is ParameterSource.COMMANDLINE else None
        if sum(map(bool, (given, templates, function))) > 1:
            raise click.UsageError(
                "--env, --from-template and --from-function exclude each other; pass one of them"
            )
        if templates or function:
            env_name = None
        elif env_name is None:
            [option] = [one for one in context.command.params if one.name == "env_name"]
            raise click.MissingParameter(ctx=context, param=option)
        return command(*arguments, real_names=RealNames(env_name, templates, function), **options)

    for add in (
        click.option(
            "--from-function",
            "function",
            metavar="NAME",
            help="Take the real names from the variables of a deployed function instead.",
        ),
        click.option(
            "--from-template",
            "templates",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            multiple=True,
            help="Take the real names from a synthesized template instead.",
        ),
        environment(required=False),
        names(),
    ):
        call = add(call)
    return cast("F", call)


def environments(command: F) -> F:
    """Add the arguments FROM and TO, and what may differ about the account of TO."""
    for add in (
        click.option("--to-region", metavar="REGION", help="The AWS Region of TO, if it differs."),
        click.option("--to-profile", metavar="NAME", help="The AWS profile for TO, if it differs."),
        click.argument("second", metavar="TO", type=_check_environment),
        click.argument("first", metavar="FROM", type=_check_environment),
    ):
        command = add(command)
    return command


def find_name(declared: Declarations, name: str) -> DeclaredSecret:
    """Return the declared secret that the argument NAME means.

    Raises:
        click.BadParameter: There is none.
    """
    try:
        return declared.find(name, quote=True)
    except CoreBackendError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None


def complete_name(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Offer a shell the declared names, if the module is known."""
    declared = context.params.get("declared")
    secrets = declared.secrets if isinstance(declared, Declarations) else ()
    return [secret.name for secret in secrets if secret.name.startswith(incomplete)]


def _refuse(context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
    if value:
        raise click.UsageError(
            "a value must not be an argument, because it would stay in the shell's history; leave "
            "it out, and the command asks for it or reads it from standard input",
            context,
        )


# This takes what follows the name, because click itself would quote it.
refuse_value = click.argument("value", nargs=-1, metavar="", expose_value=False, callback=_refuse)

assume_yes = _run_option("--yes", "-y", "assume_yes", is_flag=True, help="Do not ask.")

create = _run_option("--create", is_flag=True, help="Create secrets that no stack owns.")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")


class _ProjectModule(str):
    """The module of names as pyproject.toml gives it."""

    __slots__ = ("folder",)

    folder: Path


def _load_declarations(module: str) -> Declarations:
    try:
        return load_declarations(module, getattr(module, "folder", None))
    except CommandError:
        # The call was right, but the module is wrong: that is exit code 1.
        raise
    except CoreBackendError as error:
        raise click.BadParameter(str(error)) from error


def _check_environment(name: str) -> str:
    try:
        get_resource_name("any", name)
    except CoreBackendError as error:
        raise click.BadParameter(str(error)) from error
    return name


def _require(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse a call without an option that has no default either."""
    if value is None and not context.resilient_parsing:
        raise click.MissingParameter(ctx=context, param=parameter)
    return value


def _read_project_setting(key: str) -> str | None:
    """Return a setting from the nearest pyproject.toml, searching upwards, that has our table.

    Raises:
        CommandError: The file cannot be read, or its table is wrong.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        file = folder / "pyproject.toml"
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be read: {error}", "Correct it.") from error
        if (settings := table.get("core_backend")) is not None:
            return _check_project_setting(file, settings, key)
    return None


def _check_project_setting(file: Path, settings: Any, key: str) -> str | None:
    keys = cast("dict[str, object]", settings) if isinstance(settings, dict) else {"": settings}
    for name, value in keys.items():
        if name not in _PROJECT_KEYS or not isinstance(value, str):
            raise CommandError(
                f"{file}: [tool.core_backend] {name} is not a setting with a text",
                f"Valid settings are {' and '.join(_PROJECT_KEYS)}.",
            )
    value = cast("dict[str, str]", keys).get(key)
    if value is None or key != "names":
        return value
    # A path is relative to the file; a dotted name is looked up from its folder.
    module = _ProjectModule(
        os.path.relpath(file.parent / value) if value.endswith(".py") else value
    )
    module.folder = file.parent
    return module
