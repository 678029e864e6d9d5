"""The live twin: ipywidgets that recompute a figure when there is a kernel, and one plain line where there is none."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from snip_lib.figures import percent
from snip_lib.progress import bar, is_static

SPARSITIES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


class Note(str):
    """A line that a notebook shows without quotes, and a page as a paragraph."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"*{self}*"


def live(fn: Callable[..., Any], /, *, start: Mapping[str, Any] | None = None, **controls: Any):
    """Return sliders, one a keyword, over the picture that `fn(**values)` returns, drawn anew when one is let go.

    A control is a range of integers, a list of values, or a dict from words to values; `start` maps names to first
    values. Works with ipywidgets 7.7.1 and 8. Without ipywidgets, or when SNIP_STATIC is set (a page is being made that
    will have no kernel), a plain line comes back instead, and `fn` is not called.
    """
    choices = {name: _choices(control) for name, control in controls.items()}
    if is_static():
        return _note(choices)
    try:
        import ipywidgets
    except ModuleNotFoundError:
        return Note(f"{_note(choices)} It needs ipywidgets: pip install ipywidgets")
    sliders = {name: _slider(ipywidgets, name, options, (start or {}).get(name)) for name, options in choices.items()}
    picture = ipywidgets.interactive_output(_shown(fn), sliders)
    return ipywidgets.VBox([*sliders.values(), picture])


def live_sparsity(
    compute: Callable[[int, float], Any],
    *,
    seeds: Iterable[int] = range(100),
    seed: int = 0,
    sparsities: Iterable[float] = SPARSITIES,
    sparsity: float = 0.9,
):
    """Return the hero's live twin: `compute(seed, sparsity)` returns a figure, made anew for the reader's seed."""
    steps = {percent(step, 6): step for step in sparsities}
    return live(compute, start={"seed": seed, "sparsity": sparsity}, seed=list(seeds), sparsity=steps)


def progress(iterable: Iterable, *, total: int | None = None, label: str = "") -> Iterable:
    """Return the iterable with a bar of plain text that goes when it is done; without one when SNIP_STATIC is set."""
    if is_static():
        return iterable
    try:
        return bar(iterable, total=total, desc=label, file=sys.stdout, leave=False, ascii=True, mininterval=0.1)
    except ModuleNotFoundError:
        return iterable


def _choices(control: Any) -> dict[str, Any]:
    """Return a control's steps: words -> value."""
    if isinstance(control, Mapping):
        return {str(word): value for word, value in control.items()}
    return {str(value): value for value in control}


def _note(choices: Mapping[str, Mapping[str, Any]]) -> Note:
    ranges = [f"{_title(name)} ({next(iter(words))} to {list(words)[-1]})" for name, words in choices.items()]
    return Note(f"Runs live in a notebook: choose {' and '.join(ranges)}, and the figure is computed again.")


def _title(name: str) -> str:
    return name.replace("_", " ")


def _slider(ipywidgets, name: str, words: Mapping[str, Any], start: Any):
    """A slider over the words; it recomputes when it is let go, and not on the way."""
    return ipywidgets.SelectionSlider(
        options=list(words.items()),
        value=next(iter(words.values())) if start is None else start,
        description=_title(name),
        continuous_update=False,
        style={"description_width": "6rem"},
        layout=ipywidgets.Layout(width="100%", max_width="32rem"),
    )


def _shown(fn: Callable[..., Any]) -> Callable[..., None]:
    def show(**values: Any) -> None:
        from IPython.display import display

        display(fn(**values))

    return show
