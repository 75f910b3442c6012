"""The modules of a handler's code, read as they are needed. Nothing of them is run."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core_backend.deploy.scopes import PACKAGE, Definition, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core_backend.deploy.declared import DeclaredNames

__all__ = ["Module", "Place", "Program", "find_modules"]


class Module:
    """One file of the code."""

    def __init__(self, program: Program, name: str, path: Path, shown: str) -> None:
        self.program = program
        self.name = name
        """Its dotted name, as the handler imports it."""
        self.path = path
        self.shown = shown
        """Its path below the folder that was given, for messages."""
        self.fault: str | None = None
        try:
            self.tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            self.tree = ast.Module([], [])
            self.fault = f"this Python cannot read it: {error}"
        self.definitions = {
            node.name: node for node in self.tree.body if isinstance(node, Definition)
        }
        self.scope = Scope(self)
        self.scope.read(self.tree.body)

    @property
    def package(self) -> str:
        """What a relative import begins at."""
        is_package = self.path.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]

    def absolute(self, node: ast.ImportFrom) -> str:
        """Return the dotted name of the module from which a statement imports."""
        if not node.level:
            return node.module or ""
        parents = self.package.split(".")
        kept = parents[: len(parents) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def imports(self, node: ast.AST) -> Iterator[str]:
        """Yield the dotted name of each module that a statement may import."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        if isinstance(node, ast.ImportFrom):
            base = self.absolute(node)
            yield base
            for alias in node.names:
                yield f"{base}.{alias.name}"


class Program:
    """The code that one function runs: the modules below one folder, read as they are needed."""

    def __init__(self, root: Path, given: Path, declared: DeclaredNames) -> None:
        self.root = root
        self.given = given
        """The file or folder whose code may be read."""
        self.declared = declared
        self._modules: dict[str, Module | None] = {}
        self._installed = {PACKAGE, *_installed_in(root)}

    def module(self, name: str) -> Module | None:
        """Return a module by its dotted name, if its source is there."""
        if name not in self._modules:
            self._modules[name] = None
            path = self._path(name)
            if path is not None:
                start = self.given if self.given.is_dir() else self.given.parent
                inside = path.is_relative_to(start)
                shown = path.relative_to(start if inside else self.root).as_posix()
                self._modules[name] = Module(self, name, path, shown)
        return self._modules[name]

    def _path(self, name: str) -> Path | None:
        if not name or name.partition(".")[0] in self._installed:
            return None
        path = self.root.joinpath(*name.split("."))
        found = (path.with_suffix(".py"), path / "__init__.py")
        return next((one for one in found if one.is_file()), None)

    def is_names(self, module: str) -> bool:
        """Tell whether a dotted name is that of the module that declares the secrets."""
        return module.rpartition(".")[2] == self.declared.module


class Place(NamedTuple):
    """Where a handler's module is."""

    file: Path
    module: str
    """Its dotted name, as seen from ``root``; empty where it is not the handler's own module."""
    root: Path
    """The folder at which imports begin."""
    given: Path
    """The file or folder of the source in which it was found."""
    is_deployed: bool = False
    """Whether the code that is deployed has the same file."""


def find_modules(given: Iterable[Path], module: str, deployed: Path | None) -> list[Place]:
    """Return the files that a handler's module may be: all whose path ends as its name says."""
    parts = module.split(".")
    found: dict[Path, Place] = {}
    for path in given:
        files = [path]
        if path.is_dir():
            names = (f"{parts[-1]}.py", f"{parts[-1]}/__init__.py")
            files = [one for name in names for one in path.rglob(name) if _is_code(one, path)]
        for file in files:
            # A bundle may put the code that was given into a package.
            for start in range(len(parts)):
                place = _place(file, parts[start:], path, deployed)
                if place is not None and (start == 0 or path in {place.root, file}):
                    found.setdefault(file, place)
                    break
    return list(found.values())


def _place(file: Path, parts: list[str], given: Path, deployed: Path | None) -> Place | None:
    tail = Path(*parts)
    for name in (tail.with_suffix(".py"), tail / "__init__.py"):
        if file.parts[-len(name.parts) :] == name.parts:
            twin = deployed / name if deployed is not None else None
            same = twin is not None and twin.is_file() and twin.read_bytes() == file.read_bytes()
            return Place(file, ".".join(parts), file.parents[len(name.parts) - 1], given, same)
    return None


def _installed_in(folder: Path) -> Iterator[str]:
    """Yield the packages that pip installed into a folder: nobody's own code."""
    for record in folder.glob("*.dist-info/RECORD"):
        for line in record.read_text(encoding="utf-8").splitlines():
            yield line.partition(",")[0].partition("/")[0].removesuffix(".py")


def _is_code(file: Path, below: Path) -> bool:
    parts = file.relative_to(below).parts
    return not any(part.startswith(".") or part == "cdk.out" for part in parts)
