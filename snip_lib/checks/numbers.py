"""Exercises of *How the numbers are made*."""

import json
import math

from snip_lib.checks.verdict import Wrong, checker, enough_decimals
from snip_lib.records import Records
from snip_lib.tables import Sample

THREE = (1.5, 1.7, 1.6)


@checker
def three_runs(mean, half_width, word):
    """Mean and half-width of the 95 % interval of three errors, and the verdict against a paper's 1.6 on MNIST."""
    sample = Sample.of(THREE)
    if not math.isclose(mean, sample.mean, abs_tol=0.005):
        raise Wrong("the mean is the sum of the three over 3")
    if math.isclose(half_width, 1.96 * sample.std / math.sqrt(3), abs_tol=0.005):
        raise Wrong("1.96 is for many runs; with three, two degrees of freedom are left, and t is 4.303")
    if not math.isclose(half_width, sample.half_width, abs_tol=0.005):
        enough_decimals(half_width, sample.half_width)
        raise Wrong("half-width: t times the standard deviation (over n - 1) divided by the root of n")
    if str(word).strip().lower() != "undecided":
        raise Wrong("the gap is 0, but the half-width decides too: is it within 0.2?")
    return f"{sample.mean:.2f} ± {sample.half_width:.3f}, too wide to agree with anything to 0.2 points"


@checker
def sound(answer):
    """A function (line) that says whether a record's checksum fits, given one line of a file of records."""
    with open(Records().path("digits"), encoding="utf-8") as file:
        line = file.readline().strip()
    flattered = json.loads(line)
    flattered["metrics"]["test_error"] = 0.0001
    respaced = json.dumps(json.loads(line), indent=1)
    if not answer(line):
        raise Wrong("a line that nobody touched is taken for altered")
    if answer(json.dumps(flattered)):
        raise Wrong("a line whose test error was changed is taken for sound")
    if not answer(respaced):
        raise Wrong("spaces carry nothing: hash the record with its keys sorted, not the line as it is written")
    return "an altered number is seen, and other spaces are not taken for one"
