"""Exercises of *Recurrent networks*."""

import math

import torch

from snip_lib.checks.verdict import Wrong, checker


@checker
def survives(answer):
    """A function (constant, rows) -> share of the memory left after so many rows, gates at what the constant says."""
    for constant, rows in ((0.0, 27), (1.0, 27), (-2.0, 3), (0.5, 1), (3.0, 0)):
        given, gate = answer(constant, rows), 1 / (1 + math.exp(-constant))
        mistakes = (
            (gate ** (rows + 1), "the last row writes and is not forgotten: one factor a row that comes after"),
            (gate * rows, "each row takes its share of what is left: multiply"),
            ((1 - gate) ** rows, "sigma of the constant is what is kept, not what is lost"),
            (constant**rows, "the gate is the sigmoid of the constant"),
        )
        expected = gate**rows
        if math.isclose(given, expected, rel_tol=1e-6):
            continue
        near = next((why for wrong, why in mistakes if math.isclose(given, wrong, rel_tol=1e-6)), None)
        raise Wrong(near or f"a constant of {constant:g} and {rows} rows give {given:g}, and {expected:g} is left")
    return f"{0.5**27:.0e} with a constant of 0, {(1 / (1 + math.exp(-1))) ** 27:.0e} with 1"


@checker
def gate_to_candidate(answer):
    """A function (i, n) -> slope at the input gate's sum over the slope at the candidate's, for c = f c' + i n."""
    for i, n in ((0.5, 0.4), (0.5, -0.9), (0.1, 0.2), (0.9, 0.7)):
        given, expected = answer(i, n), _ratio(i, n)
        mistakes = (
            (1 / expected, "that is the candidate's over the gate's"),
            (n / i, "the gate and the candidate are functions of their sums: put in their derivatives"),
            (n * (1 - i), "the candidate is a tanh, and has a derivative, too"),
            (n * i * (1 - i) / (1 - n * n), "the candidate's slope has the gate as a factor"),
        )
        if math.isclose(given, expected, rel_tol=1e-4):
            continue
        near = next((why for wrong, why in mistakes if math.isclose(given, wrong, rel_tol=1e-4)), None)
        raise Wrong(near or f"i = {i:g} and n = {n:g} give {given:g}, and autograd {expected:g}")
    return "the same as autograd's, at four places"


def _ratio(i: float, n: float) -> float:
    """By autograd, at the sums that give this gate and this candidate."""
    sums = torch.tensor([math.log(i / (1 - i)), math.atanh(n)], dtype=torch.float64, requires_grad=True)
    memory = 0.3 * 0.5 + sums[0].sigmoid() * sums[1].tanh()
    gate, candidate = torch.autograd.grad(memory, sums)[0].tolist()
    return gate / candidate
