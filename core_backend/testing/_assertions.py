"""Failing comparisons of secret values in a test, explained without showing a value.

Values are masked in a ``repr``, but pytest compares two texts character by character, and shows
both. Where a masked value is compared, at whatever depth, these explanations replace pytest's.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING, Any

from core_backend._engine.masking import masked_text, written_forms
from core_backend.values import SecretBytes, SecretText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["explain", "mask"]

_DICTS: tuple[type[Any], ...] = (dict,)
_ARRAYS: tuple[type[Any], ...] = (list, tuple, deque)
_COLLECTIONS: tuple[type[Any], ...] = (*_ARRAYS, set, frozenset)
_MOST_LINES = 20
_HINT = "values are not shown: print str(value) where you have to see one"
# The values of the comparisons that failed since the last report.
_compared: list[SecretText | SecretBytes] = []


def explain(op: str, left: object, right: object) -> list[str] | None:
    """Return the lines that explain ``left op right``; ``None`` where no masked value is in it."""
    found = [*_values_in(left), *_values_in(right)]
    if not found:
        return None
    _compared.extend(found)
    lines = list(_differences(left, right, "")) if op == "==" else []
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES} more"]
    return [f"{_label(left)} {op} {_label(right)}", *lines, _HINT]


def mask(error: BaseException) -> None:
    """Mask the values that were compared, in an assertion's message.

    pytest puts more into it than the comparison: ``+  where 'Bearer …' = response.text``.
    """
    values = list(_compared)
    _compared.clear()
    if values and isinstance(error, AssertionError) and error.args:
        text, *more = error.args
        if isinstance(text, str):
            for value in values:
                text = masked_text(text, written_forms(value))
            error.args = (text, *more)


def _values_in(value: object) -> Iterator[SecretText | SecretBytes]:
    """Find the masked values in containers, dataclasses and classes of attrs."""
    waiting = [value]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, (SecretText, SecretBytes)):
            yield one
        elif id(one) not in seen:
            seen.add(id(one))
            waiting.extend(_parts(one))


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, _DICTS):
        return [*value.keys(), *value.values()]
    if isinstance(value, _COLLECTIONS):
        return list(value)
    return [getattr(value, name, None) for name in _field_names(value)]


def _field_names(value: object) -> list[str]:
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind) if field.compare]
    return [field.name for field in getattr(kind, "__attrs_attrs__", ())]


def _label(value: object) -> str:
    if value is None or isinstance(value, (bool, SecretText, SecretBytes)):
        return repr(value)
    return f"<{type(value).__name__}>"


def _differences(left: Any, right: Any, path: str) -> Iterator[str]:
    """Say where two values differ, and not what stands there."""
    if isinstance(left, _DICTS) and isinstance(right, _DICTS):
        yield from _one_sided(f"{path}[{key!r}]" for key in left if key not in right)
        yield from _one_sided((f"{path}[{key!r}]" for key in right if key not in left), "right")
        for key in left:
            if key in right:
                yield from _differences(left[key], right[key], f"{path}[{key!r}]")
    elif isinstance(left, _ARRAYS) and type(left) is type(right):
        for number, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from _differences(one, other, f"{path}[{number}]")
        both = min(len(left), len(right))
        yield from _one_sided(f"{path}[{number}]" for number in range(both, len(left)))
        yield from _one_sided((f"{path}[{number}]" for number in range(both, len(right))), "right")
    elif type(left) is type(right) and (names := _field_names(left)):
        for name in names:
            yield from _differences(getattr(left, name), getattr(right, name), f"{path}.{name}")
    elif left != right:
        kinds = _kind(left), _kind(right)
        types = "" if kinds[0] == kinds[1] else f": {kinds[0]} on the left, {kinds[1]} on the right"
        yield f"{path or 'they'} differ{'s' if path else ''}{types}"


def _one_sided(places: Iterable[str], side: str = "left") -> Iterator[str]:
    return (f"{place} is only on the {side}" for place in places)


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "text"
    return "bytes" if isinstance(value, bytes) else type(value).__name__
