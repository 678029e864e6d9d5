"""Exercises of *How good is the straight line?*"""

import math

from snip_lib.checks.verdict import Wrong, checker


@checker
def terms_of_two(promised, own, interaction):
    """The terms of the fall of L = r^2/2 when contributions 2 and 1 are cut together, with a residual of 1."""
    if math.isclose(promised, -3):
        raise Wrong("mind the sign: a positive promise says that the loss falls")
    if not math.isclose(promised, 3):
        raise Wrong("promised: the sum of the two slopes, g = r times what the connection contributes")
    if own > 0 or interaction > 0:
        raise Wrong("the loss bends upwards, so both other terms take something off the promise")
    if math.isclose(own, -5) or math.isclose(interaction, -4):
        raise Wrong("the second term of the series has a factor of one half")
    if math.isclose(interaction, -1):
        raise Wrong("interaction: the pair stands in the sum twice, as (1, 2) and as (2, 1)")
    if not math.isclose(own, -2.5):
        raise Wrong("own: half the square of each contribution")
    if not math.isclose(interaction, -2):
        raise Wrong("interaction: what is left when the three terms are to add up to the fall of the loss")
    return "3 - 2.5 - 2 = -1.5: the loss rises where a fall was promised"
