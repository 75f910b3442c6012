"""Which source belongs to which function of a template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core_backend.deploy.declared import DeclaredNames
from core_backend.deploy.rules import Finding
from core_backend.deploy.source import Place, Program, find_modules
from core_backend.deploy.usage import Usage, read_usage
from core_backend.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from core_backend.deploy.template import Template, TemplateFunction

__all__ = ["HandlerCode", "check_code", "find_code"]


class HandlerCode(NamedTuple):
    """A function, and what its handler's source asks for."""

    function: TemplateFunction
    usage: Usage


def find_code(
    template: Template,
    declared: DeclaredNames,
    given: Iterable[str | os.PathLike[str]] | None,
    wanted: str | None,
) -> tuple[list[HandlerCode], list[str]]:
    """Find the source of each function, and read it.

    Args:
        template: What declares the functions.
        declared: The names that the source may ask for.
        given: The source; ``None`` for the code that the template itself names.
        wanted: The logical id or construct path of the only function to look at.

    Returns:
        The functions that run the source, and what could not be told of others.

    Raises:
        ConfigurationError: The source is not there, or no function runs it.
    """
    paths = None if given is None else [Path(one).resolve() for one in given]
    for path in paths or ():
        if not path.exists():
            raise ConfigurationError(f"there is no {path}; pass the handler's file or folder")
    functions = [
        one
        for one in template.functions
        if (wanted in (one.id, one.path) if wanted is not None else _may_be_ours(one))
    ]
    places = {one.key: _find_places(one, paths, is_wanted=wanted is not None) for one in functions}
    # CDK's own functions are called index.handler as well, and other code than the source given.
    taken = {place.file for found in places.values() for place in found if place.is_deployed}
    codes: list[HandlerCode] = []
    notes: list[str] = []
    for one in functions:
        possible = [
            place for place in places[one.key] if place.is_deployed or place.file not in taken
        ]
        if len(possible) == 1:
            codes.append(HandlerCode(one, _read(template, one, possible[0], declared)))
            if one.code is not None and not possible[0].is_deployed:
                notes.append(
                    f"{one.path}: {possible[0].file.name} is not the same in the template's "
                    f"folder; synthesize or build again"
                )
        elif possible:
            where = " or ".join(str(place.root) for place in possible)
            notes.append(
                f"{one.path}: its handler {one.handler} may be in {where}; pass one of these "
                f"folders"
            )
        elif not places[one.key]:
            fault = _explain_missing(one, _sources(one, paths), is_wanted=wanted is not None)
            if fault is not None:
                codes.append(HandlerCode(one, Usage({}, [], [fault], {})))
            else:
                notes.append(
                    f"{one.path}: its handler {one.handler} is not in the source given, so it was "
                    f"not looked at"
                )
    if not codes:
        raise ConfigurationError(_explain(template, wanted))
    return codes, notes


def _sources(function: TemplateFunction, paths: Sequence[Path] | None) -> Sequence[Path]:
    return paths if paths is not None else [function.code] if function.code else []


def _find_places(
    function: TemplateFunction, paths: Sequence[Path] | None, *, is_wanted: bool
) -> list[Place]:
    """Return where the handler's module may be; the deployed code tells which it is."""
    sources = _sources(function, paths)
    module = function.handler.replace("/", ".").rpartition(".")[0]
    found = find_modules(sources, module, function.code)
    deployed = [one for one in found if one.is_deployed]
    if found or not is_wanted:
        return deployed[:1] or found
    # Its handler may be a wrapper in a layer, around the file that was given.
    return [Place(path, "", path.parent, path) for path in sources if path.is_file()]


def _explain_missing(
    function: TemplateFunction, sources: Sequence[Path], *, is_wanted: bool
) -> str | None:
    """Return why a function has no handler, if it is surely in the source given."""
    if not is_wanted and not _shares_code(function, sources):
        return None
    where = ", ".join(map(str, sources)) or "the template"
    return (
        f"its handler is {function.handler!r}, and there is no such module in {where}; name the "
        f"handler by its file and function, such as handler.handler"
    )


def _read(
    template: Template, function: TemplateFunction, place: Place, declared: DeclaredNames
) -> Usage:
    """Read what one handler's source asks for, and whether all it needs is deployed."""
    program = Program(place.root, place.given, declared)
    name = function.handler.rpartition(".")[2]
    usage = read_usage(program, place.module or place.file.stem, name if place.module else None)
    folders, is_all = template.layer_folders(function)
    folders += [one for one in (function.code, place.root) if one is not None]
    for imported, where in usage.outside.items():
        if (
            not program.is_names(imported)
            or place.given.is_file()
            or any(_has_module(folder, imported) for folder in folders)
        ):
            continue
        what = f"{where}: it imports {imported}, which is not in {place.root.name}"
        if is_all and function.code is not None:
            usage.faults.append(f"{what}; put it into the folder that is deployed")
        else:
            usage.unseen.append(f"{what}; see that it is deployed with it, or in a layer")
    return usage


def _may_be_ours(function: TemplateFunction) -> bool:
    """Tell whether a function may run code of the service, and not CDK's own."""
    own = any(part.startswith("Custom::") for part in function.path.split("/"))
    return function.is_python and not own and not function.id.startswith("CustomCDK")


def _shares_code(function: TemplateFunction, sources: Sequence[Path]) -> bool:
    """Tell whether a function's deployed code is the source given."""
    code = function.code
    if code is None or not code.is_dir():
        return False
    return any(
        (code / path.relative_to(source)).is_file()
        and (code / path.relative_to(source)).read_bytes() == path.read_bytes()
        for source in sources
        if source.is_dir()
        for path in source.glob("*.py")
    )


def _has_module(folder: Path, module: str) -> bool:
    path = folder.joinpath(*module.split("."))
    return path.is_dir() or any(path.with_suffix(suffix).is_file() for suffix in (".py", ".pyc"))


def _explain(template: Template, wanted: str | None) -> str:
    if not template.functions:
        return "there is no Lambda function in the template; pass that of the stack that has it"
    there = ", ".join(f"{one.path} ({one.handler})" for one in template.functions)
    which = "has its handler in the source given" if wanted is None else f"is {wanted}"
    return (
        f"no function of the template {which}; it has: {there}. Name one of these as the "
        f"function, or pass the source that belongs to it"
    )


def check_code(
    template: Template, function: TemplateFunction, names_modules: frozenset[str]
) -> Iterator[Finding]:
    """Yield what is wrong with the code that a template names for a function.

    Args:
        template: What declares the function.
        function: The function.
        names_modules: The modules that declare names, as code imports them.
    """
    code = function.code
    if code is None or not code.is_dir() or not _may_be_ours(function):
        return
    folders, is_all = template.layer_folders(function)
    module, _, name = function.handler.replace("/", ".").rpartition(".")
    program = Program(code, code, DeclaredNames("", {}))
    if program.module(module) is None:
        if is_all and not any(_has_module(folder, module) for folder in folders):
            yield _warn(
                "handler-not-found",
                function,
                f"its handler is {function.handler!r}, and its code has no file "
                f"{module.replace('.', '/')}.py",
                "name the handler by its file and function, such as handler.handler",
            )
        return
    usage = read_usage(program, module, name)
    for fault in usage.faults:
        message, _, fix = fault.rpartition("; ")
        yield _warn("handler-not-callable", function, message, fix)
    for imported, place in usage.outside.items():
        found = any(_has_module(folder, imported) for folder in [code, *folders])
        if found or not is_all:
            continue
        package, _, last = imported.rpartition(".")
        if imported == "core_backend":
            yield _warn(
                "core-backend-missing",
                function,
                f"{place}: it imports core_backend, which is neither in its code nor in a layer",
                "add layers=[runtime_layer(stack, 'Runtime')], or bundle it with the code",
            )
        elif last in names_modules or package.rpartition(".")[2] in names_modules:
            yield _warn(
                "names-not-deployed",
                function,
                f"{place}: it imports {imported}, which is neither in its code nor in a layer",
                "put the module of names into the folder that is deployed",
            )


def _warn(rule: str, function: TemplateFunction, message: str, fix: str) -> Finding:
    return Finding(rule, function.key, message, fix, is_error=False)
