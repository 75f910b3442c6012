"""Bytecode that leaves out what nobody needs on Lambda, and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import marshal
import textwrap

import pytest

from core_backend.deploy.lean import compile_folder, lean

SOURCE = textwrap.dedent('''
    """A docstring."""
    from __future__ import annotations
    from typing import TYPE_CHECKING, NamedTuple

    if TYPE_CHECKING:
        from nowhere import Nothing
    else:
        Nothing = "otherwise"


    class Pair(NamedTuple):
        """A docstring."""
        one: int
        two: int = 2


    def plain(a: Nothing, /, b: Nothing = 1, *c: Nothing, d: Nothing = 3, **e: Nothing) -> Nothing:
        """A docstring."""
        kept: int = a + b
        return kept


    async def waits(a: Nothing) -> Nothing:
        return (lambda x: x)(a)


    def fails() -> None:
        raise ValueError("on line 29")
''')


@pytest.fixture
def module(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "lean_module.py").write_text(SOURCE)
    compile_folder(tmp_path, "/opt/python")
    [path] = tmp_path.rglob("*.py*")
    assert path.name == "lean_module.pyc"
    spec = importlib.util.spec_from_file_location("lean_module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_functions_have_no_annotations_and_no_docstrings(module):
    for function in (module.plain, module.waits, module.fails):
        assert function.__annotations__ == {}
        assert function.__doc__ is None
    assert str(inspect.signature(module.plain)) == "(a, /, b=1, *c, d=3, **e)"
    assert module.plain(1) == 2


def test_what_classes_are_made_of_stays(module):
    assert module.Pair(1) == (1, 2)
    assert [*module.Pair.__annotations__] == ["one", "two"]


def test_what_is_there_for_type_checkers_is_not_in_the_bytecode(module):
    assert module.Nothing == "otherwise"
    names = compile(lean(SOURCE.encode()), "", "exec", dont_inherit=True, optimize=2).co_names
    assert "nowhere" not in names


def test_lines_stay_and_the_file_is_named_as_on_lambda(module):
    with pytest.raises(ValueError, match="on line") as caught:
        module.fails()
    last = caught.traceback[-1]
    code = module.fails.__code__
    assert code.co_filename == "/opt/python/pack/lean_module.py"
    assert SOURCE.splitlines()[last.lineno].strip().startswith("raise ValueError")


def test_it_is_loaded_without_its_source_being_looked_for(tmp_path):
    (tmp_path / "one.py").write_text("x = 1")
    compile_folder(tmp_path, "/opt")
    data = (tmp_path / "one.pyc").read_bytes()
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(data[4:8], "little") == 1
    assert data[8:16] == importlib.util.source_hash(b"x = 1")
    assert marshal.loads(data[16:]).co_filename == "/opt/one.py"


def test_what_is_no_module_is_left_alone(tmp_path):
    (tmp_path / "py.typed").write_text("")
    compile_folder(tmp_path, "/opt")
    assert [path.name for path in tmp_path.iterdir()] == ["py.typed"]


def test_a_module_without_any_of_it_is_the_same():
    source = b"x = 1\nif x:\n    y = 2\n"
    assert ast.dump(lean(source)) == ast.dump(ast.parse(source))
