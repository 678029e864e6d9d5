"""Checkers for the exercises: each takes the reader's answer and says in one line whether it is right.

An answer is a value or a function. Each checker computes the right one again, by another way than the page's solution
where there is one; a stub nobody has touched is told apart from a wrong answer. One file a page.
"""

from snip_lib.checks import batch, controls, lenets
from snip_lib.checks.algorithm import exactly_kappa, how_many_stay, size_cliff
from snip_lib.checks.by_hand import by_hand_batch, by_hand_sensitivities, exact_change
from snip_lib.checks.derived import sensitivity, terms_of_two
from snip_lib.checks.look import overlap_by_chance, units_in_use
from snip_lib.checks.networks import lstm_connections, saved_by_thin_kernels
from snip_lib.checks.numbers import sound, three_runs
from snip_lib.checks.speed import share_of_holding, sortable_bits
from snip_lib.checks.start import autograd, chain_rule, mini_batch, softmax
from snip_lib.checks.verdict import CHECKERS, Verdict, Wrong, checker
from snip_lib.checks.why import as_wide_as_allowed, passes, schedule

__all__ = [
    "CHECKERS",
    "Verdict",
    "Wrong",
    "as_wide_as_allowed",
    "autograd",
    "batch",
    "by_hand_batch",
    "by_hand_sensitivities",
    "chain_rule",
    "checker",
    "controls",
    "exact_change",
    "exactly_kappa",
    "how_many_stay",
    "lenets",
    "lstm_connections",
    "mini_batch",
    "overlap_by_chance",
    "passes",
    "saved_by_thin_kernels",
    "schedule",
    "sensitivity",
    "share_of_holding",
    "size_cliff",
    "softmax",
    "sortable_bits",
    "sound",
    "terms_of_two",
    "three_runs",
    "units_in_use",
]
