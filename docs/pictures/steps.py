"""The path of one secret, from the ten steps in the docstring of ``core_backend._engine``.

A step's box shows its text up to the first comma, colon or full stop.
"""

from __future__ import annotations

import re

from svg import BLUE, GREEN, ORANGE, WIDTH, box, paint, picture, text

import core_backend._engine

__all__ = ["draw"]

_STEP = re.compile(r"^(\d+)\. +(.+?)[.,:](?:\s|$)", re.MULTILINE | re.DOTALL)
_DOWN = 5
_BOX_WIDTH, _BOX_HEIGHT, _ROW, _TOP = 186, 66, 88, 74
_LEFT, _RIGHT = 10, WIDTH - 10 - _BOX_WIDTH
_MIDDLE = WIDTH / 2
# Steps in the part of the code that a handler imports; the engine takes the others.
_FACE = (1, 10)


def draw() -> str:
    """Return the picture as SVG."""
    shapes = _bar(10, "your handler awaits get_secret(…)", BLUE)
    bottom = _TOP + _DOWN * _ROW
    steps = _read_steps()
    for number, words in steps.items():
        x, y = _place(number)
        colour = BLUE if number in _FACE else ORANGE
        shapes.append(box(x, y, _BOX_WIDTH, _BOX_HEIGHT, paint(colour)))
        shapes += text(x + 9, y + 21, f"{number}", attributes='font-weight="600"')
        shapes += text(x + 30, y + 21, words, wrap=21)
        # From the bar above, or to it, and on to the next step.
        start, end = (y - 20, y - 3) if number <= _DOWN else (y - 2, y - 19)
        shapes.append(_line(x + _BOX_WIDTH / 2, start, x + _BOX_WIDTH / 2, end))
    shapes += _bar(bottom, "the source asks Secrets Manager", GREEN)
    down, up = _LEFT + _BOX_WIDTH / 2, _RIGHT + _BOX_WIDTH / 2
    shapes += [_line(down, bottom - 20, down, bottom - 3), _line(up, bottom - 2, up, bottom - 19)]
    for step, then, label in ((1, 10, "a hit"), (3, 9, "known"), (3, 8, "joins")):
        shapes += _shortcut(step, then, label)
    return picture(
        "The path of one secret: down from the handler to Secrets Manager, and back.",
        bottom + 54,
        shapes,
    )


def _read_steps() -> dict[int, str]:
    """Return the steps by their numbers."""
    path = (core_backend._engine.__doc__ or "").partition("The rules:")[0]  # noqa: SLF001
    steps = {
        int(number): " ".join(words.replace("``", "").split())
        for number, words in _STEP.findall(path)
    }
    if list(steps) != list(range(1, 2 * _DOWN + 1)):
        raise SystemExit("core_backend/_engine/__init__.py has no ten steps, which are drawn here")
    return steps


def _place(number: int) -> tuple[float, float]:
    """Return the corner of a step's box: down on the left, and back up on the right."""
    if number <= _DOWN:
        return _LEFT, _TOP + (number - 1) * _ROW
    return _RIGHT, _TOP + (2 * _DOWN - number) * _ROW


def _bar(y: float, words: str, colour: str) -> list[str]:
    return [
        box(_LEFT, y, WIDTH - 2 * _LEFT, 44, paint(colour)),
        *text(_MIDDLE, y + 28, words, attributes='class="title" text-anchor="middle"'),
    ]


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path class="line" d="M{x:g} {y:g}L{to_x:g} {to_y:g}"/>'


def _shortcut(step: int, then: int, label: str) -> list[str]:
    """Return an arrow from a step to the one that follows if no fetch is needed."""
    y, to_y = (_place(number)[1] + _BOX_HEIGHT / 2 for number in (step, then))
    rises = to_y < y
    if rises:
        y -= 20
    return [
        _line(_LEFT + _BOX_WIDTH + 3, y, _RIGHT - 3, to_y),
        *text(
            _MIDDLE,
            (y + to_y) / 2 + (4 if rises else -8),
            label,
            attributes='class="label" text-anchor="middle"',
        ),
    ]
