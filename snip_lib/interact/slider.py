"""A figure with a slider that needs no kernel: it moves in the built book, from a folder, on Colab, in JupyterLab."""

import hashlib
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
    choice: Choice | None = None,
) -> Slider:
    """Return panels moved together by one slider whose steps are called `labels`.

    `label` says what is chosen, `alt` what the whole figure shows (read out, not printed), `caption` is printed below;
    `start` is the step first shown, and the one that stays where scripts do not run. With a `choice` a list stands
    above the slider, and the panels have the slider's steps once for each of its names, the first name's steps first.
    Raises ValueError when a panel has not one value a step, or a start is no step.
    """
    names, starts = (choice.names, choice.starts or [start] * len(choice.names)) if choice else ([""], [start])
    if len(starts) != len(names) or not all(0 <= at < len(labels) for at in starts):
        raise ValueError(f"start={starts if choice else start} is no step: there are {len(labels)}, from 0")
    frames = Frames(list(labels) * len(names), starts[0])
    body = (_list(choice) if choice else "") + _control(frames, label, len(labels))
    body += f'\n<div class="panels">{"".join(panel.draw(frames) for panel in panels)}</div>'
    body += f'\n<p class="about">{escape(caption)}</p>' if caption else ""
    body += f'\n<script type="application/json">{frames.data()}</script>'
    text = f"{label}: {labels[starts[0]]} (a slider from {labels[0]} to {labels[-1]})"
    text = f"{choice.label}: {names[0]} (of {len(names)})\n  {text}" if choice else text
    return Slider(_page(body, alt), "\n  ".join([text, *(panel.words(starts[0]) for panel in panels)]))


def _list(choice: Choice) -> str:
    """Hidden, as the range is, until the script that serves it runs."""
    starts = [f' data-start="{at}"' for at in choice.starts] or [""] * len(choice.names)
    options = "".join(f"<option{at}>{escape(name)}</option>" for at, name in zip(starts, choice.names, strict=True))
    select = f'<select autocomplete="off" hidden disabled data-lm-suppress-shortcuts="true">{options}</select>'
    return f'<label class="choice"><span>{escape(choice.label)}</span>{select}</label>\n'


def _control(frames: Frames, label: str, steps: int) -> str:
    """The range is hidden until the script that serves it runs, so that no page shows a dead control."""
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


def _page(body: str, alt: str) -> str:
    """Style and script travel with the figure; by the key, a hash of the content, the script finds its own figures."""
    key = hashlib.sha256(body.encode()).hexdigest()[:12]
    here = files("snip_lib.interact")
    style, script = (here.joinpath(f"slider.{kind}").read_text("utf-8") for kind in ("css", "js"))
    group = f'<div class="snip-slider" role="group" aria-label="{escape(alt)}" data-snip="{key}">'
    return f"{group}\n<style>\n{style}</style>\n{body}\n<script>\n{script.replace('KEY', key)}</script>\n</div>"
