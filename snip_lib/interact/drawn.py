"""The first frame of the pad: what stands on the page before its script runs, and stays where none does."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from snip_lib.interact.frames import Frames, in_script
from snip_lib.interact.slider import control, page

_INK, _FOR, _AGAINST = (28, 39, 51), (0, 114, 178), (192, 74, 0)  # draw.js has the same
_DEAD = 'hidden disabled data-lm-suppress-shortcuts="true"'  # until the script that serves it runs
_SEEN = "What the network sees: 28 by 28 pixels, the darker the more ink"


def figure(
    steps: Sequence[str],
    names: Sequence[str],
    shades: np.ndarray,
    reading: Any,
    data: Mapping[str, Any],
    start: int,
    words: tuple[str, str, str],
) -> str:
    """Return the HTML of a pad: the names of networks and examples, the first example's shades (28, 28), its reading
    (`draw.Reading`), what the script needs, the first network's number, and label, alternative text and caption.
    """
    label, alt, caption = words
    panels = _pad(names) + _seen(shades, names[0]) + _evidence(reading) + _bars(reading) + _sums(reading)
    body = f'<form autocomplete="off">{control(Frames(steps, start), label, len(steps))}'
    body += f'\n<div class="panels">{panels}</div></form>'
    body += f'\n<p class="about">{escape(caption)}</p>' if caption else ""
    body += f'\n<script type="application/json">{in_script({"steps": steps, "names": names, **data})}</script>'
    return page(body, alt, "draw")


def share(value: float) -> str:
    """Return a probability in words: '93.4 %'. The space does not break."""
    return f"{100 * value:.1f}\u00a0%"


def signed(value: float) -> str:
    """Return a number to two digits, with its sign.

    >>> signed(0.314), signed(-123.0), signed(0)
    ('+0.31', '−120', '0')
    """
    sign = "+" if value > 0 else "−" * bool(value)
    return f"{sign}{float(f'{abs(value):.2g}'):g}"


def _pad(names: Sequence[str]) -> str:
    """The script puts the canvas into it: without, there is nothing to draw on, and nothing that looks so."""
    options = "".join(f"<option{' selected' * (i == 0)}>{escape(name)}</option>" for i, name in enumerate(names))
    own = "<option hidden disabled>none</option>"  # what the list says while the reader draws
    select = f'<select data-lm-suppress-shortcuts="true">{own}{options}</select>'
    tools = f'<button type="button" data-lm-suppress-shortcuts="true">Clear</button><label>or take {select}</label>'
    paper = '<div class="paper"><p class="hint" aria-hidden="true">Draw here, as large as fits</p></div>'
    return f'<div class="pad" hidden><p class="title">Draw a digit</p>{paper}<div class="tools">{tools}</div></div>'


def _seen(shades: np.ndarray, name: str) -> str:
    return (
        f'<div class="pixels seen"><p class="title">What the network sees</p>{_image(shades / 255, _SEEN)}'
        f'<p class="key">{escape(name)}</p></div>'
    )


def _bars(reading: Any) -> str:
    digits = "".join(_bar(digit, value, digit == reading.digit) for digit, value in enumerate(reading.probabilities))
    choice = f'<input type="radio" name="shown" value="" checked {_DEAD}>'
    return (
        f'<fieldset class="bars"><legend class="title">Probability of each digit</legend>'
        f'<p class="words read" aria-live="polite">{reading.words}</p>{digits}'
        '<p class="key" hidden>Choose a digit to see what speaks for it, or</p>'
        f'<label class="digit" hidden>{choice}<span>the one it reads</span></label></fieldset>'
    )


def _bar(digit: int, value: float, is_read: bool) -> str:
    choice = f'<input type="radio" name="shown" value="{digit}" {_DEAD}>'
    bar = f'<svg height="14" aria-hidden="true"><rect height="14" width="{100 * value:.2f}%"/></svg>'
    classes = "digit reads" if is_read else "digit"
    return f'<label class="{classes}">{choice}<span>{digit}</span>{bar}<b>{share(value)}</b></label>'


def _evidence(reading: Any) -> str:
    values, digit = reading.speaking_for(reading.digit), reading.digit
    most = abs(values).max()
    alt = f"What each of the 28 by 28 pixels says for {digit}, in blue, or against it, in orange"
    left, right = (f"<span>{signed(end)}</span>" for end in (-most, most))
    return (
        f'<div class="pixels evidence"><p class="title">What speaks for\u00a0{digit}</p>'
        f"{_image((values / (most or 1)).reshape(28, 28), alt, _FOR, _AGAINST)}"
        f'<p class="scale">{left}<i></i>{right}</p>'
        f'<p class="key colours">Blue: for {digit}. Orange: against. White: neither.</p></div>'
    )


def _sums(reading: Any) -> str:
    digit, total = reading.digit, signed(reading.speaking_for(reading.digit).sum())
    together = f"All pixels together give {total}: the logit of {digit} less the mean of the ten."
    return f'<div class="sums"><p class="total">{together}</p><p class="carried">{reading.carrying}</p></div>'


def _image(values: np.ndarray, alt: str, above=_INK, below=_INK) -> str:
    """Values in [-1, 1] as a picture: white for 0, and on either side to a colour of its own."""
    from PIL import Image

    colours = np.where(values[..., None] < 0, below, above)
    rgb = np.rint(255 + abs(values)[..., None] * (colours - 255.0)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG", optimize=True)
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return f'<img class="dark-light" alt="{escape(alt)}" src="{source}">'
