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


def slider(
    labels: Sequence[str], panels: Sequence[Panel], *, label: str, alt: str, caption: str = "", start: int = 0
) -> Slider:
    """Return panels moved together by one slider whose steps are called `labels`.

    `label` says what is chosen, `alt` what the whole figure shows (read out, not printed), `caption` is printed below;
    `start` is the step first shown, and the one that stays where scripts do not run.
    Raises ValueError when a panel has not one value a step, or `start` is no step.
    """
    if not 0 <= start < len(labels):
        raise ValueError(f"start={start} is no step: there are {len(labels)}, from 0")
    frames = Frames(labels, start)
    body = _control(frames, label)
    body += f'\n<div class="panels">{"".join(panel.draw(frames) for panel in panels)}</div>'
    body += f'\n<p class="about">{escape(caption)}</p>' if caption else ""
    body += f'\n<script type="application/json">{frames.data()}</script>'
    text = f"{label}: {labels[start]} (a slider from {labels[0]} to {labels[-1]})"
    return Slider(_page(body, alt), "\n  ".join([text, *(panel.words(start) for panel in panels)]))


def _control(frames: Frames, label: str) -> str:
    """The range is hidden until the script that serves it runs, so that no page shows a dead control."""
    labels, last = frames.labels, len(frames.labels) - 1
    moving = frames.element(
        "input",
        f'type="range" min="0" max="{last}" step="1" value="{frames.start}" autocomplete="off" hidden disabled'
        ' data-lm-suppress-shortcuts="true"',
        aria_valuetext=labels,
        style=[f"--at: {100 * step / max(last, 1):.1f}%" for step in range(len(labels))],
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
