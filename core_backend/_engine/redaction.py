"""Masks fetched values in what the root logger's handlers are given to write.

Loaded only where the setting ``redact_logs`` is on. The rules:

1.  The filter is on the handlers: a filter on a logger does not see the records of its children.
2.  Handlers that come later get it before the next record reaches them: making a record is where
    everybody who logs passes by.
3.  A record in which there is nothing to mask is left as it is, unformatted. Else its handler
    gets a masked copy; on Python 3.11, whose filters cannot return one, the record itself changes.
4.  What cannot be looked through is not written.
5.  For each secret the newest value and the one before are masked: a rotated password is still in
    the hands of whoever fetched it. Forgetting the secrets forgets these as well.
"""

from __future__ import annotations

import logging
import sys
from copy import copy
from typing import TYPE_CHECKING, Any, cast

from cachetools import LRUCache

from core_backend._engine.masking import masked, masked_error, masked_text, written_forms

if TYPE_CHECKING:
    from core_backend._engine.masking import Forms
    from core_backend.sources import Key

__all__ = ["Redactor"]

_VALUES_PER_SECRET = 2
_TAKES_COPIES = sys.version_info >= (3, 12)
_UNREADABLE = "(masked: this record could not be looked through for secrets)"
_CARRIERS = (str, bytes, bytearray, dict, list, tuple, set, frozenset)
# What logging itself puts into a record, and no value gets into. The rest came as ``extra``.
_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"taskName"}


class Redactor:
    """The filter, and what it masks. Not locked: its owner changes it under one lock.

    Args:
        size: How many secrets' values to know; those fetched longest ago go first.
    """

    def __init__(self, size: int) -> None:
        self._known: LRUCache[Key, dict[str | bytes, Forms]] = LRUCache(size)
        self._forms: Forms = {}
        self._on = True
        self._handlers: list[logging.Handler] = []
        self._seen: list[logging.Handler] = []
        self._make = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self._made)
        self._attach()

    def keep(self, key: Key, value: str | bytes) -> None:
        """Mask a secret's value from now on, and as long the one before."""
        known = self._known.get(key, {})
        if next(reversed(known), None) == value:
            # A refresh mostly brings what was there.
            return
        kept = dict([*known.items()][1 - _VALUES_PER_SECRET :])
        self._known[key] = {**kept, value: written_forms(value)}
        self._collect()

    def resize(self, size: int) -> None:
        """Know the values of up to ``size`` secrets."""
        known, self._known = self._known, LRUCache(size)
        while known:
            # The least recently used comes first, and goes first if there is no room.
            self._known.__setitem__(*known.popitem())
        self._collect()

    def forget(self) -> None:
        """Let go of all values."""
        self._known.clear()
        self._forms = {}

    def close(self) -> None:
        """Let go of all values, and of logging."""
        self._on = False
        self.forget()
        # Somebody may have put another factory around ours: then ours stays, and does nothing.
        if logging.getLogRecordFactory() == self._made:
            logging.setLogRecordFactory(self._make)
        for handler in self._handlers:
            _remove(handler, self)
        self._handlers = []

    def filter(self, record: logging.LogRecord) -> Any:
        """Let every record pass, masked where it has to be."""
        forms = self._forms
        if not forms:
            return True
        try:
            changes = _changes(record, forms)
        except Exception:  # noqa: BLE001  # rule 4, and logging never raises
            changes = {"msg": _UNREADABLE, "args": (), "exc_info": None, "exc_text": None}
            changes |= {"stack_info": None, **dict.fromkeys(vars(record).keys() - _OWN)}
        if not changes:
            return True
        target = copy(record) if _TAKES_COPIES else record
        # At once: another thread may be formatting the same record for a handler of its own.
        vars(target).update(changes)
        return target

    def _collect(self) -> None:
        merged: dict[str, set[str]] = {}
        for known in self._known.values():
            for forms in known.values():
                for form, longer in forms.items():
                    merged.setdefault(form, set()).update(longer)
        self._forms = merged

    def _made(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        if self._on and logging.root.handlers != self._seen:
            self._attach()
        return self._make(*args, **kwargs)

    def _attach(self) -> None:
        self._seen = [*logging.root.handlers]
        # What writes where no handler is.
        last_resort = [logging.lastResort] if logging.lastResort else []
        handlers = [*self._seen, *last_resort]
        for handler in self._handlers:
            if handler not in handlers:
                _remove(handler, self)
        for handler in handlers:
            handler.addFilter(self)
        self._handlers = handlers


def _remove(handler: logging.Handler, redactor: Redactor) -> None:
    # Two threads may have added it at the same time.
    while redactor in handler.filters:
        handler.removeFilter(redactor)


def _changes(record: logging.LogRecord, forms: Forms) -> dict[str, Any]:
    """Return what is to be different in a record; nothing where nothing has to be masked."""
    changes = _changed_message(record, forms)
    if record.exc_info:
        changes |= _changed_error(record, forms)
    if record.exc_text and "exc_text" not in changes:
        changes |= _changed(record, "exc_text", forms)
    if record.stack_info:
        changes |= _changed(record, "stack_info", forms)
    for name in vars(record).keys() - _OWN:
        changes |= _changed(record, name, forms)
    return changes


def _changed_message(record: logging.LogRecord, forms: Forms) -> dict[str, Any]:
    if not record.args:
        return _changed(record, "msg", forms)
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001  # the formatter meets the same, and prints what it was given
        return _changed(record, "msg", forms) | _changed(record, "args", forms)
    changed = masked_text(text, forms)
    if changed == text and not _carry(record.args, text, forms):
        return {}
    return {"msg": changed, "args": ()}


def _carry(args: Any, shown: str, forms: Forms) -> bool:
    """Whether arguments hold what the message does not show: a formatter may print them as well."""
    items = cast("tuple[object, ...]", args) if isinstance(args, tuple) else (args,)
    return any(
        masked(item, forms) is not item
        for item in items
        if isinstance(item, _CARRIERS) and not (isinstance(item, str) and item in shown)
    )


def _changed_error(record: logging.LogRecord, forms: Forms) -> dict[str, Any]:
    kind, error, traceback = cast("tuple[Any, Any, Any]", record.exc_info)
    if error is None:
        return {}
    changed = masked_error(error, forms)
    if changed is error:
        return {}
    # Whatever another handler has made of the error is made again, of the masked one.
    return {"exc_info": (kind, changed, traceback), "exc_text": None}


def _changed(record: logging.LogRecord, name: str, forms: Forms) -> dict[str, Any]:
    value = getattr(record, name)
    changed = masked(value, forms)
    return {} if changed is value else {name: changed}
