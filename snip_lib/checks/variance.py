"""Exercises of *Variance scaling, derived*."""

import math

import torch

from snip_lib.checks.verdict import Wrong, checker, enough_decimals


@checker
def leaky_variance(variance):
    """A function (fan_in, slope): the variance of a weight that keeps the signal through leaky ReLUs of that slope."""
    for fan_in, slope in ((100, 0.0), (300, 0.2), (784, 1.0), (100, -1.0)):
        given, wanted = float(variance(fan_in, slope)), _by_simulation(slope) / fan_in
        if math.isclose(given, wanted, rel_tol=0.02):
            continue
        if math.isclose(given, math.sqrt(wanted), rel_tol=0.02):
            raise Wrong("this is the standard deviation: its square is asked for")
        if slope and math.isclose(given, 2 / fan_in, rel_tol=0.02):
            raise Wrong(f"2/fan-in forgets what comes through below 0, where the slope is {slope:g}")
        if slope and math.isclose(given, 2 / (1 + slope) / fan_in, rel_tol=0.02):
            raise Wrong("the signal's square counts: below 0 it is multiplied by the slope squared")
        raise Wrong(
            f"for {fan_in} inputs and slope {slope:g} the signal changes by {given / wanted:.2f} a layer, not 1"
        )
    return "a simulated layer keeps its signal for slopes 0 (ReLU), 0.2, 1 (linear) and −1 (the absolute value)"


def _by_simulation(slope: float) -> float:
    """1 / mean of f(z)² for a unit normal z: by sampling at equal probabilities, where the page integrates."""
    z = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    return 1 / torch.nn.functional.leaky_relu(z, slope).square().mean().item()


@checker
def cut_at_one(std):
    """The standard deviation of a unit normal cut at one standard deviation, to three decimals."""
    answer = float(std)
    z = torch.special.ndtri(torch.linspace(0, 1, 400_001, dtype=torch.float64)[1:-1])
    wanted = z[z.abs() < 1].std().item()
    if abs(answer - wanted) < 6e-4:
        return "a cut at one σ takes 71 % of the variance, a cut at two σ takes 23 %"
    if abs(answer - wanted**2) < 6e-4:
        raise Wrong("this is the variance: take its root")
    if abs(answer - 0.8796) < 6e-4:
        raise Wrong("this is the cut at two standard deviations: set a = 1")
    enough_decimals(answer, wanted)
    raise Wrong("put a = 1 into the formula: φ(1) is 0.24197, and Φ(1) is 0.84134")


@checker
def deepest(layers):
    """The deepest LeCun network of ReLUs whose last signal is at least a millionth of its first, in mean square."""
    answer, wanted, signal = int(layers), 1, 1.0
    while signal / 2 >= 1e-6:
        signal, wanted = signal / 2, wanted + 1
    if answer == wanted:
        return f"after {wanted - 1} ReLUs the mean square is {signal:.1e} of the first, after one more it is too small"
    if answer == wanted - 1:
        raise Wrong("count again: the first layer's signal has passed no ReLU yet")
    if abs(answer - 2 * (wanted - 1)) <= 2:
        raise Wrong("each ReLU halves the mean square, not its root")
    raise Wrong("each ReLU halves the mean square: how often can one be halved before it is under a millionth?")
