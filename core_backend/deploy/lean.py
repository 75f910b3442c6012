"""Compiles a folder for Lambda, as small as it gets: run by the Python that is to load it there.

What only people and type checkers read is left out: docstrings, assertions, the annotations of
functions, and what is imported for those alone. The columns that tracebacks underline, a fifth of
all, are left out by ``-X no_debug_ranges``. Lines stay what they are.
"""

from __future__ import annotations

import ast
import marshal
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

__all__ = ["compile_folder", "lean"]

# By hash, and unchecked: neither the time nor the place of the build is in the bytecode.
_FLAGS = (1).to_bytes(4, "little")


def compile_folder(folder: Path, name: str) -> None:
    """Put bytecode in the place of each module, as if the folder were called ``name``."""
    for path in sorted(folder.rglob("*.py")):
        source = path.read_bytes()
        file = f"{name}/{path.relative_to(folder).as_posix()}"
        code = compile(lean(source), file, "exec", dont_inherit=True, optimize=2)
        header = MAGIC_NUMBER + _FLAGS + source_hash(source)
        path.with_suffix(".pyc").write_bytes(header + marshal.dumps(code))
        path.unlink()


def lean(source: bytes) -> ast.Module:
    """Return the module without what is there for type checkers."""
    module = ast.parse(source)
    for node in ast.walk(module):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.test = ast.copy_location(ast.Constant(value=False), node.test)
            # The compiler keeps the names of what it leaves out.
            node.body = [ast.copy_location(ast.Pass(), node.body[0])]
    return module


if __name__ == "__main__":  # pragma: no cover  # by a Python of its own, which is not measured
    compile_folder(Path(sys.argv[1]), sys.argv[2])
