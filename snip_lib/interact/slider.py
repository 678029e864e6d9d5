"""A figure with a slider that needs no kernel: it moves in the built book, from a folder, on Colab, in JupyterLab."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from snip_lib.interact.frames import Frames
from snip_lib.interact.panels import Panel


@dataclass(frozen=True, repr=False)
class Slider:
    """A figure that a notebook shows as HTML, and elsewhere in words."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Choice:
    """A list above the slider: what is chosen, its names, and where the slider stands for each when it is chosen.

    Without `starts` the slider stays where it is.
    """

    label: str
    names: Sequence[str]
    starts: Sequence[int] = ()


def slider(
    labels: Sequence[str],
    panels: Sequence[Panel],
    *,
    label: str,
    alt: str,
    caption: str = "",
    start: int = 0,
    choice: Choice | Sequence[Choice] | None = None,
) -> Slider:
    """Return panels moved together by one slider whose steps are called `labels`.

    `label` says what is chosen, `alt` what the whole figure shows (read out, not printed), `caption` is printed below;
    `start` is the step first shown, and the one that stays where scripts do not run. With a `choice` a list stands
    above the slider, and the panels have the slider's steps once for each of its names, the first name's steps first.
    With several choices they have them once for each combination, the last list's names turning fastest. Raises
    ValueError when a panel has not one value a step, or a start is no step.
    """
    choices = [choice] if isinstance(choice, Choice) else list(choice or [])
    first = _starts(choices, start, len(labels))
    frames = Frames(list(labels) * math.prod(len(each.names) for each in choices), first)
    body = "".join(map(_list, choices)) + control(frames, label, len(labels))
    body += f'\n<div class="panels">{"".join(panel.draw(frames) for panel in panels)}</div>'
    body += f'\n<p class="about">{escape(caption)}</p>' if caption else ""
    body += f'\n<script type="application/json">{frames.data()}</script>'
    lines = [f"{each.label}: {each.names[0]} (of {len(each.names)})" for each in choices]
    lines += [f"{label}: {labels[first]} (a slider from {labels[0]} to {labels[-1]})"]
    return Slider(page(body, alt), "\n  ".join([*lines, *(panel.words(first) for panel in panels)]))


def _starts(choices: Sequence[Choice], start: int, steps: int) -> int:
    """The step first shown: the first list's first name's, if it has one; ValueError for what is no step."""
    for each in choices:
        if each.starts and len(each.starts) != len(each.names):
            raise ValueError(f"starts={list(each.starts)} is no step for each of {len(each.names)} names")
    asked = [start, *(at for each in choices for at in each.starts)]
    if wrong := [at for at in asked if not 0 <= at < steps]:
        raise ValueError(f"start={wrong[0]} is no step: there are {steps}, from 0")
    return next((each.starts[0] for each in choices if each.starts), start)


def _list(choice: Choice) -> str:
    """Hidden, as the range is, until the script that serves it runs."""
    starts = [f' data-start="{at}"' for at in choice.starts] or [""] * len(choice.names)
    options = "".join(f"<option{at}>{escape(name)}</option>" for at, name in zip(starts, choice.names, strict=True))
    select = f'<select autocomplete="off" hidden disabled data-lm-suppress-shortcuts="true">{options}</select>'
    return f'<label class="choice"><span>{escape(choice.label)}</span>{select}</label>\n'


def control(frames: Frames, label: str, steps: int) -> str:
    """Return a range over so many steps; it is hidden until its script runs, so that no page shows a dead control."""
    labels, last = frames.labels, steps - 1
    moving = frames.element(
        "input",
        f'type="range" min="0" max="{last}" step="1" value="{frames.start}" autocomplete="off" hidden disabled'
        ' data-lm-suppress-shortcuts="true"',
        aria_valuetext=labels,
        style=[f"--at: {100 * (step % steps) / max(last, 1):.1f}%" for step in range(len(labels))],
    )
    now = frames.element("output", 'aria-live="off"', text=labels)
    ends = f'<p class="ends" aria-hidden="true"><span>{escape(labels[0])}</span><span>{escape(labels[-1])}</span></p>'
    return f'<div class="control"><label><span>{escape(label)}</span>{moving}</label>{now}{ends}</div>'


def page(body: str, alt: str, own: str = "") -> str:
    """Return the whole figure: style and script travel with it.

    By the key, a hash of the content, the script finds its own figures. A figure that is `own` adds the style of that
    name, and has its script in the place of the slider's.
    """
    key = hashlib.sha256(body.encode()).hexdigest()[:12]
    style = _beside("slider.css") + (_beside(f"{own}.css") if own else "")
    script = _beside(f"{own or 'slider'}.js").replace("KEY", key)
    classes = f"snip-slider snip-{own}" if own else "snip-slider"
    group = f'<div class="{classes}" role="group" aria-label="{escape(alt)}" data-snip="{key}">'
    return f"{group}\n<style>\n{style}</style>\n{body}\n<script>\n{script}</script>\n</div>"


def _beside(name: str) -> str:
    return files("snip_lib.interact").joinpath(name).read_text("utf-8")
