"""What an exception says of an answer: one line with the mistake that it most likely comes from.

A reader who practises should not have to read a traceback of somebody else's code. `explained` tells what Python or
PyTorch said, shortened, and beside it what to look for.
"""

import re

LONGEST = 60  # characters of a value or of a message that a hint repeats

# a pattern of "Type: message" -> the likely mistake; the first that fits is told
LIKELY = (
    (r"only for scalar outputs", "take a gradient of one number: sum (or average) before you ask for it"),
    (r"does not require grad|can't require grad", "nothing led from this number back to the weights: was it detached?"),
    (r"second time", "a backward pass frees the graph: compute the loss again before the next"),
    (r"in-place operation|inplace operation", "it overwrites a tensor that autograd needs: make a new one"),
    (r"not have been used in the graph", "the loss does not depend on what it is differentiated by"),
    (r"Can't call numpy", "detach the tensor before you leave PyTorch"),
    (r"have same dtype|expected scalar type|result type .* cast", "two tensors are of different types: convert one"),
    (r"must match|cannot be multiplied|broadcast|inconsistent tensor|invalid for input|number of dimensions"
     r"|to have size|shape mismatch", "two shapes do not fit: print them, and see which axis is summed over"),
    (r"one element tensors|more than one value|single-element|only size-1|truth value of an array",
     "one number is wanted where this has several: sum it, or ask any() or all()"),
    (r"Dimension out of range|out of bounds for dimension", "it asks for an axis or a place that the tensor lacks"),
    (r"^IndexError|k out of range|KeyError", "it asks for a place that is not there: what is in it?"),
    (r"zip\(\) arg|values to unpack|unpack", "two lists are not equally long"),
    (r"^(NameError|UnboundLocalError)", "a name is used before it has a value: run its cell, or mend its spelling"),
    (r"^(ModuleNotFound|Import)Error", "there is no module of this name here"),
    (r"positional argument|keyword argument|required argument", "the function takes other arguments than it was given"),
    (r"not callable", "it calls what is no function: are there parentheses too many, or a name given twice?"),
    (r"^RecursionError", "the function calls itself without end"),
    (r"^ZeroDivisionError", "it divides by something that can be 0"),
    (r"^(OverflowError|FloatingPointError)", "the number is too large: is an exponent meant to be negative?"),
    (r"math domain|expected a (positive|nonnegative)", "a root or a logarithm of a number that has none"),
    (r"^AttributeError", "it takes a value for another kind of thing than it is: print its type"),
    (r"^AssertionError", "one of its own assertions does not hold"),
    (r"^MemoryError|not enough memory|out of memory", "it wants more memory than there is: what does it make?"),
    (r"^StopIteration", "what it reads is at its end"),
    (r"^(TypeError|ValueError)", "a value of another kind or size was expected there: print it, and its type"),
)  # fmt: skip
# the same for an answer that the checker cannot read
UNREADABLE = (
    (r"not callable", "a function is wanted: hand over its name, without parentheses"),
    (
        r"one element tensors|more than one value|single-element|only size-1",
        "one number is wanted where this has several",
    ),
    (r"no len\(\)|not iterable|not subscriptable|unpack", "several values are wanted, in a list"),
    (r"no attribute '(shape|dtype|detach|double|view|numel|sum)'|must be Tensor", "a tensor is wanted"),
    (r"no attribute '(items|keys|values)'", "a dictionary is wanted"),
    (r"size of tensor|shape", "its shape is another than that of what it is compared with"),
    (r"real number|convert string|unsupported operand|not supported between|format|bad operand", "a number is wanted"),
)
OF_ANOTHER_KIND = "is it of the kind that is asked for?"
OTHERWISE = "run it on one small input in a cell of its own, where the traceback names the line"


class Raised(Exception):
    """An exception of the reader's own function, told apart from those of a checker that reads the answer."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        self.error = error


def shown(value: object) -> str:
    """Return a value as a hint repeats it: on one line, and at most `LONGEST` characters of it.

    >>> shown([0.5] * 1000)
    '[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5…'
    """
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def kind(value: object) -> str:
    """Return what a value is, in a word or two: its type, and its shape where it has one.

    >>> kind([1, 2])
    'a list'
    """
    name = type(value).__name__
    shape = f" of shape {shown(tuple(value.shape))}" if hasattr(value, "shape") else ""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}{shape}"


def explained(error: Exception, likely: tuple[tuple[str, str], ...] = ()) -> str:
    """Return one line about an exception: what was said, and the mistake it most likely comes from.

    `likely` are the checker's own pairs of a pattern and a mistake, asked before those that hold for any function.
    """
    cause = error.error if isinstance(error, Raised) else error
    said = f"{type(cause).__name__}: {' '.join(str(cause).split())}"
    if isinstance(error, Raised):
        return f"it raised {shown(said)}; {_first((*likely, *LIKELY), said) or OTHERWISE}"
    return f"the answer cannot be read: {_first(UNREADABLE, said) or OF_ANOTHER_KIND} ({shown(said)})"


def _first(pairs: tuple[tuple[str, str], ...], said: str) -> str | None:
    return next((hint for pattern, hint in pairs if re.search(pattern, said)), None)
