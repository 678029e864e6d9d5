"""Exercises of *Very deep networks*."""

import math

import torch

from snip_lib.checks.verdict import Wrong, checker

EXAMPLES = ((1.0, 1.0, 1.0, 1.0), (3.0, 0.0, 0.0, 0.0), (2.0, 1.0, 1.0, 0.5), (0.2, 0.2, 0.1, 0.0))


@checker
def mean_left(mean):
    """Mean λ of a product of 30 orthogonal layers without activation, a random tenth of each kept and not rescaled."""
    answer, wanted = float(mean), 0.1**30
    if math.isclose(answer, wanted, rel_tol=0.01):
        return "each layer takes nine tenths of the mean square: the signal's root mean square falls to 10⁻¹⁵"
    if math.isclose(answer, 0.1**15, rel_tol=0.01):
        raise Wrong("this is the root: λ is the square of a singular value")
    if math.isclose(answer, 0.9**30, rel_tol=0.01):
        raise Wrong("nine tenths are taken, and one tenth is left")
    if math.isclose(answer, 0.1, rel_tol=0.01):
        raise Wrong("this is what one layer leaves: the factors of thirty multiply")
    raise Wrong("a random mask that keeps the share ρ multiplies the mean of λ by ρ, layer after layer")


@checker
def directions(function):
    """A function of a matrix: the number of directions n/(1 + v) that its singular values are spread over."""
    source = torch.Generator().manual_seed(0)
    for values in EXAMPLES:
        matrix = _turned(torch.tensor(values, dtype=torch.float64), source)
        given, squares = float(function(matrix)), [v**2 for v in values]
        wanted = sum(squares) ** 2 / sum(s**2 for s in squares)
        if math.isclose(given, wanted, rel_tol=0.01):
            continue
        said = f"for singular values {', '.join(f'{v:g}' for v in values)} it is {wanted:.3g}, not {given:.3g}"
        if math.isclose(given, sum(values) ** 2 / sum(squares), rel_tol=0.01):
            raise Wrong(f"take λ, the squares of the singular values, and not these themselves: {said}")
        if math.isclose(given, len(values) / wanted, rel_tol=0.01):
            raise Wrong(f"this is 1 + v: divide n by it; {said}")
        if math.isclose(given, sum(v > 0 for v in values), rel_tol=0.01):
            raise Wrong(f"this is the rank, which counts small singular values like large ones: {said}")
        raise Wrong(said)
    return "n where all singular values are equal, 1 where there is but one, and 1 still when the matrix is doubled"


def _turned(values: torch.Tensor, source: torch.Generator) -> torch.Tensor:
    """A matrix with these singular values and no zeros to see them by."""
    left, right = (
        torch.linalg.qr(torch.randn(len(values), len(values), generator=source, dtype=torch.float64))[0]
        for _ in range(2)
    )
    return left @ values.diag() @ right


@checker
def layers_until(layers):
    """How many independent layers of 100 units leave five directions."""
    answer = float(layers)
    if answer == 19:
        return "a network of twenty layers and 100 units turns its inputs along about five directions"
    if answer == 20:
        raise Wrong("v is the number of factors, and the directions are n/(1 + v)")
    if answer == 95:
        raise Wrong("the directions are divided by 1 + v, not lessened by it")
    raise Wrong("set 100/(1 + K) = 5")
