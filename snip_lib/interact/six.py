"""Six connections in the reader's hands: change one number, and scores, cuts and mask follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor

from snip_lib.interact.frames import Frames, plain
from snip_lib.interact.panels import Bars, Text
from snip_lib.interact.slider import Choice, Slider, slider

CONNECTIONS = ("x₁ → h₁", "x₂ → h₁", "x₁ → h₂", "x₂ → h₂", "h₁ → y", "h₂ → y")
NUMBERS = ("input x₁", "input x₂", "target t", *(f"weight of {name}" for name in CONNECTIONS))
VALUES = [half / 2 for half in range(-8, 13)]  # −4, −3.5, … 6
_PLACES = {"x₁": (70, 75), "x₂": (70, 225), "h₁": (290, 75), "h₂": (290, 225), "y": (510, 150)}


@dataclass(frozen=True)
class State:
    """What one setting of the nine numbers comes to; (6,) tensors in the order of CONNECTIONS, (5,) of the units."""

    weights: Tensor
    units: Tensor  # x1, x2, h1, h2, y
    slopes: Tensor  # of the loss, at h1, h2 after their ReLU, and at y
    loss: float
    g: Tensor
    exact: Tensor  # what each cut alone takes off the loss, Equation 4
    kept: Tensor  # the three largest |g|, the first of equals
    after: float  # the loss of the pruned network


def state(numbers: Sequence[float]) -> State:
    """Score the network 2-2-1 of ReLUs without biases, with numbers in the order of NUMBERS, on L = ½(y - t)²."""
    x, t, w = (torch.tensor(part, dtype=torch.float64) for part in (numbers[:2], numbers[2], numbers[3:]))
    weights = w.clone().requires_grad_()
    hidden = torch.relu(weights[:4].view(2, 2) @ x)
    y = weights[4:] @ hidden
    loss = (y - t).square() / 2
    gradient, *slopes = torch.autograd.grad(loss, [weights, hidden, y])
    g = w * gradient
    kept = torch.zeros(6, dtype=torch.bool)
    kept[g.abs().argsort(descending=True, stable=True)[:3]] = True
    exact = torch.tensor([loss.item() - _loss(w * (torch.arange(6) != j), x, t) for j in range(6)])
    units = torch.cat([x, hidden.detach(), y.detach()[None]])
    return State(w, units, torch.cat([slopes[0], slopes[1][None]]), loss.item(), g, exact, kept, _loss(w * kept, x, t))


def _loss(w: Tensor, x: Tensor, t: Tensor) -> float:
    return ((w[4:] @ torch.relu(w[:4].view(2, 2) @ x) - t).square() / 2).item()


def six_connections(numbers: Sequence[float] = (1, 2, 5, 2, 0.5, 3, -0.5, 2, 0.5)) -> Slider:
    """Return a figure in which the reader changes one of `numbers` (in the order of NUMBERS) from −4 to 6.

    Raises ValueError when there are not nine numbers, or one is none of VALUES.

    >>> print(str(six_connections()).splitlines()[0])
    Change: weight of x₁ → h₂ (of 9)
    """
    if len(numbers) != len(NUMBERS) or not set(numbers) <= set(VALUES):
        raise ValueError(f"numbers={list(numbers)}: nine of {VALUES[0]:g}, {VALUES[1]:g}, … {VALUES[-1]:g} are needed")
    order = [5, 3, 4, 6, 7, 8, 0, 1, 2]  # the largest weight of the page first
    states = [state([*numbers[:i], value, *numbers[i + 1 :]]) for i in order for value in VALUES]
    scores = [(s.g.abs() / max(s.g.abs().sum().item(), 1e-12)).tolist() for s in states]
    panels = [Graph(states), Bars(CONNECTIONS, scores, "Score s"), Cuts(states), Text([_sentence(s) for s in states])]
    choice = Choice("Change", [NUMBERS[i] for i in order], [VALUES.index(numbers[i]) for i in order])
    alt = (
        "A list chooses one of nine numbers of a network with six connections, and a slider changes it. Forward values,"
        " gradients, scores, the exact change of each cut and the three kept connections follow."
    )
    return slider([plain(value) for value in VALUES], panels, label="Its value", alt=alt, choice=choice)


@dataclass(frozen=True)
class Graph:
    """The network: values in the units, gradients under them, weights on the lines, what is pruned dashed."""

    states: Sequence[State]

    def draw(self, frames: Frames) -> str:
        lines = "".join(self._line(frames, j, *name.split(" → ")) for j, name in enumerate(CONNECTIONS))
        units = "".join(self._unit(frames, k, name) for k, name in enumerate(_PLACES))
        title = '<p class="title">Values in the units, gradients below them</p>'
        return f'<div class="graph">{title}<svg viewBox="0 0 580 300" aria-hidden="true">{lines}{units}</svg></div>'

    def words(self, step: int) -> str:
        return "units: " + ", ".join(map(plain, self.states[step].units.tolist()))

    def _line(self, frames: Frames, j: int, start: str, end: str) -> str:
        (x1, y1), (x2, y2) = _PLACES[start], _PLACES[end]
        place = f'x="{x1 + 0.36 * (x2 - x1):.0f}" y="{y1 + 0.36 * (y2 - y1) + 7:.0f}"'
        looks = {
            "class": ["" if s.kept[j] else "off" for s in self.states],
            "stroke_width": [f"{1.5 + 1.5 * abs(s.weights[j].item()):.2f}" for s in self.states],
        }
        line = frames.element("line", f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"', **looks)
        return line + frames.element("text", place, text=[plain(s.weights[j].item()) for s in self.states])

    def _unit(self, frames: Frames, k: int, name: str) -> str:
        x, y = _PLACES[name]
        drawn = f'<circle cx="{x}" cy="{y}" r="30"/><text class="soft" x="{x}" y="{y - 38}">{escape(name)}</text>'
        drawn += frames.element("text", f'x="{x}" y="{y + 7}"', text=[plain(s.units[k].item()) for s in self.states])
        if k < 2:
            return drawn
        slopes = [f"gradient {plain(s.slopes[k - 2].item())}" for s in self.states]
        return drawn + frames.element("text", f'class="soft" x="{x}" y="{y + 52}"', text=slopes)


@dataclass(frozen=True)
class Cuts:
    """A row a connection: what the slope promises of its cut, and what the cut alone does."""

    states: Sequence[State]

    def draw(self, frames: Frames) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in ("cut", "g, promised", "ΔL, exact", ""))
        rows = "".join(self._row(frames, j, name) for j, name in enumerate(CONNECTIONS))
        return f'<div class="numbers"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'

    def words(self, step: int) -> str:
        kept = [name for name, stays in zip(CONNECTIONS, self.states[step].kept, strict=True) if stays]
        return "kept: " + ", ".join(kept)

    def _row(self, frames: Frames, j: int, name: str) -> str:
        cells = frames.element("td", text=[plain(s.g[j].item()) for s in self.states])
        cells += frames.element("td", text=[plain(s.exact[j].item()) for s in self.states])
        cells += frames.element("td", text=["kept" if s.kept[j] else "pruned" for s in self.states])
        return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'


def _sentence(s: State) -> str:
    return f"The loss is {plain(s.loss)}; with the three kept connections alone it is {plain(s.after)}."
