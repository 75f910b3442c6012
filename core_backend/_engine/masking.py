"""How a value may be written in a log, and text, objects and errors with a mask in its place."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["MASK", "Forms", "masked", "masked_error", "masked_text", "written_forms"]

MASK = "***"
# Each form to look for, with the longer forms that contain it. Those are searched only if it was
# found.
Forms = Mapping[str, Collection[str]]
# A shorter value ("true", "1234") is part of other words as well, and would mask those.
_SHORTEST = 6
# More for a string in a JSON value: next to a password there are a user, a port, an engine.
_SHORTEST_PART = 8
# How many of a document's strings are looked for in a way of writing all of it.
_TELLING = 20
# What a URL may hold as it is where its user and password are, and in JavaScript's encoding.
_KEPT_IN_URLS = "!$&'()*+,;="
_CONTAINERS: tuple[type[Any], ...] = (dict, list, tuple, set, frozenset)


def written_forms(value: str | bytes) -> Forms:
    """Return all that is to be masked for a value: itself, its JSON strings, each as written."""
    # str(), since the repr of a fetched value is a mask already. Stripped, since whoever uses a
    # value that was filled with a line end strips it.
    text = (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()
    forms: dict[str, list[str]] = {}
    for part in _strings_in(text):
        forms.update({form: [] for form in _escaped(part)})
    telling = [*forms][:_TELLING]
    for form in {*_encoded(value), *(_escaped(text) if len(text) >= _SHORTEST else ())}:
        found = next((part for part in telling if part in form), None)
        if found is None:
            forms.setdefault(form, [])
        else:
            forms[found].append(form)
    return forms


def _encoded(value: str | bytes) -> Iterator[str]:
    if isinstance(value, bytes) and len(value) >= _SHORTEST:
        raw = bytes(value)
        yield base64.b64encode(raw).decode()
        yield base64.urlsafe_b64encode(raw).decode()
        yield raw.hex()
        yield repr(raw)[2:-1]


def _escaped(text: str) -> Iterator[str]:
    yield text
    # Within a longer string, the quotes in it are escaped or not.
    yield repr(text)[1:-1]
    yield repr(f"'\"{text}")[4:-1]
    yield ascii(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    for safe in ("/", "", _KEPT_IN_URLS):
        yield quote(text, safe=safe, errors="replace")
    yield quote_plus(text, errors="replace")
    if not text.isascii():
        # Else its bytes look as it does.
        raw = text.encode(errors="replace")
        yield repr(raw)[2:-1]
        yield repr(b"'\"" + raw)[5:-1]


def _strings_in(text: str) -> Iterator[str]:
    """Walk through the strings that a JSON value holds, at whatever depth."""
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(cast("dict[str, Any]", item).values())
        elif isinstance(item, list):
            waiting.extend(cast("Iterable[Any]", item))
        elif isinstance(item, str) and len(item.strip()) >= _SHORTEST_PART:
            yield item.strip()


def masked_text(text: str, forms: Forms) -> str:
    """Return ``text`` with a mask for whatever is one of ``forms``, overlapping ones together."""
    found = [form for form in forms if form in text]
    if not found:
        return text
    found += [longer for form in found for longer in forms[form]]
    pieces: list[str] = []
    end = 0
    for start, stop in sorted(span for form in found for span in _spans(text, form)):
        if start >= end:
            pieces += [text[end:start], MASK]
        end = max(end, stop)
    return "".join(pieces) + text[end:]


def _spans(text: str, form: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start != -1:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def masked(value: Any, forms: Forms, seen: dict[int, Any] | None = None) -> Any:
    """Return ``value`` itself where nothing is to be masked in it, else a masked copy.

    Containers keep their kind, if it is a built-in one. Any other object in whose text a value
    shows becomes that text.

    Args:
        value: Anything that may be logged.
        forms: What to mask.
        seen: The copies of the containers that were met before, by their ids.
    """
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        text = str.__str__(value)
        changed = masked_text(text, forms)
        return value if changed == text else changed
    if isinstance(value, _CONTAINERS):
        return _masked_container(value, forms, {} if seen is None else seen)
    for show in (str, repr):
        text = _shown(value, show)
        changed = masked_text(text, forms)
        if changed != text:
            return changed
    return value


def _shown(value: object, show: Callable[[object], str]) -> str:
    try:
        return show(value)
    except Exception:  # noqa: BLE001  # whoever formats it meets the same, and deals with it
        return ""


def _masked_container(container: Any, forms: Forms, seen: dict[int, Any]) -> Any:
    if id(container) in seen:
        return seen[id(container)]
    # One that holds itself must not be printed as it is from within its copy.
    seen[id(container)] = MASK
    kind: Any = next(kind for kind in _CONTAINERS if isinstance(container, kind))
    before: list[Any] = [*container, *(container.values() if kind is dict else ())]
    after: list[Any] = [masked(item, forms, seen) for item in before]
    seen[id(container)] = container
    if any(old is not new for old, new in zip(before, after, strict=True)):
        count = len(container)
        copied = zip(after[:count], after[count:], strict=True) if kind is dict else after
        seen[id(container)] = kind(copied)
    return seen[id(container)]


def masked_error(error: BaseException, forms: Forms) -> BaseException:
    """Return ``error`` itself where nothing is to be masked, else one that prints as it, masked.

    Its causes, contexts, notes and a group's members are looked at as well.
    """
    chain = [*_chain(error)]
    texts = (text for one in chain for text in _texts(one))
    if all(masked_text(text, forms) == text for text in texts) and not any(
        _shows_line(one, forms) for one in chain
    ):
        return error
    stand_ins: dict[int, BaseException] = {}
    for one in chain:
        _stand_in(one, forms, stand_ins)
    for one in chain:
        stand_in = stand_ins[id(one)]
        stand_in.__traceback__ = one.__traceback__
        stand_in.__context__ = stand_ins.get(id(one.__context__))
        stand_in.__cause__ = stand_ins.get(id(one.__cause__))
        stand_in.__suppress_context__ = one.__suppress_context__
        for note in _notes(one):
            stand_in.add_note(masked_text(note, forms))
    return stand_ins[id(error)]


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, *_members(one)]


def _members(error: BaseException) -> tuple[BaseException, ...]:
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).exceptions
    return ()


def _texts(error: BaseException) -> Iterator[str]:
    """Walk through all that somebody may print of an error."""
    yield _shown(error, str)
    # All of its arguments, some of which str() leaves out, such as the bytes that do not decode.
    yield _shown(error, repr)
    yield from _notes(error)


def _shows_line(error: BaseException, forms: Forms) -> bool:
    """Return whether a traceback prints a line of a value: one that could not be parsed."""
    line = _shown(error.text or "", str).strip() if isinstance(error, SyntaxError) else ""
    return bool(line) and any(line in form or form in line for form in forms)


def _notes(error: BaseException) -> list[str]:
    return [_shown(note, str) for note in getattr(error, "__notes__", None) or ()]


def _stand_in(
    error: BaseException, forms: Forms, stand_ins: dict[int, BaseException]
) -> BaseException:
    """Make one that is called the same, holds nothing but masked text, and is raised by nobody."""
    known = stand_ins.get(id(error))
    if known is not None:
        return known
    kind = type(error)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    members = [_stand_in(member, forms, stand_ins) for member in _members(error)]
    base = BaseExceptionGroup if members else Exception
    text = getattr(error, "message", "") if members else _shown(error, str)
    arguments = (masked_text(text, forms), members) if members else (masked_text(text, forms),)
    made: Any = type(kind.__name__, (base,), names)
    stand_in: BaseException = made(*arguments)
    stand_ins[id(error)] = stand_in
    return stand_in
