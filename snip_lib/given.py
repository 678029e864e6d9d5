"""What a caller gives, checked in one place: batches, inputs, labels, losses, sparsity.

Every error is one line: first the cause, with what was given, then what to do about it.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

Batches = Iterable[tuple[object, object]]
Examples = Callable[[object, object], int]

IGNORED = -100  # the label that torch's cross-entropy leaves out, unless told otherwise


def pairs(x: object, y: object = None) -> Iterator[tuple[object, object]]:
    """The (x, y) pairs of one mini-batch, or of an iterable x of such pairs; TypeError for anything else."""
    if y is not None:
        if not _is_input(x):
            raise TypeError("x is not a tensor, so it must be an iterable of (x, y) pairs, and y must be left out")
        yield x, y
        return
    if isinstance(x, (Tensor, np.ndarray, Mapping, PackedSequence)):
        what = "" if isinstance(x, Tensor) else f" (x is {described(x)})"
        raise TypeError(f"labels are missing{what}: pass (model, x, y), or an iterable of (x, y) pairs as x")
    if isinstance(x, (tuple, list)) and x and isinstance(x[0], (Tensor, np.ndarray)):
        raise TypeError("x is one (x, y) pair: pass it as (model, *batch), or in a list of such pairs")
    try:
        batches = iter(x)
    except TypeError:
        raise TypeError(f"x must be a tensor or an iterable of (x, y) pairs, got {described(x)}") from None
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or isinstance(batch, PackedSequence) or len(batch) != 2:
            raise TypeError(f"batches must be (x, y) pairs, got {described(batch)}: {_as_pairs(batch)}")
        yield tuple(batch)


def number_of_examples(x: object, y: object, examples: Examples | None = None) -> int | None:
    """How many examples a batch holds: what `examples` says, else the number of labels; None when that says nothing.

    Never len(x): sequences may come packed, or with time as their first dimension. A list of labels has one for each
    example, unless it holds tensors (start and end of a span, targets and their lengths), which say nothing.
    Raises ValueError for an empty batch, TypeError when `examples` is no such function.
    """
    if examples is not None:
        count = _counted(x, y, examples)
    elif isinstance(y, (Tensor, np.ndarray)):
        count = len(y) if y.ndim else 1
    elif isinstance(y, (list, tuple)) and not any(isinstance(each, Tensor) and each.ndim for each in y):
        count = len(y)
    else:
        count = None
    if count == 0 or (isinstance(x, Tensor) and not x.numel()):
        raise ValueError("an empty batch: connection sensitivity needs at least one example")
    return count


def forward(model: nn.Module, x: object) -> object:
    """model(x); where it fails because x is no tensor, or of another type or device than the weights, it says that.

    >>> forward(nn.Linear(2, 1), torch.zeros(3, 2, dtype=torch.uint8))
    Traceback (most recent call last):
    TypeError: x holds torch.uint8 and the weights torch.float32: standardise raw images first (data.standardise(x)), \
or x.float() / 255
    """
    if isinstance(x, np.ndarray):
        raise TypeError(f"x is {described(x)}: pass torch.as_tensor(x)")
    try:
        return model(x)
    except (RuntimeError, TypeError) as error:
        cause = _misfit(model, x) if re.search("type|device|not implemented", str(error)) else None
        if cause is None and isinstance(error, TypeError) and not isinstance(x, Tensor):
            cause = f"x is {described(x)}, which the model cannot take: {' '.join(str(error).split())}"
        if cause is None:
            raise
        raise TypeError(cause) from error


def logits(output: object) -> Tensor:
    """The output, when it is one of logits (n, classes, …); TypeError otherwise."""
    if not isinstance(output, Tensor) or output.ndim < 2 or not output.is_floating_point():
        raise TypeError(
            f"the model returned {described(output)}, which cross-entropy cannot take: "
            "pass loss=, a function (output, y) that returns the mean loss"
        )
    return output


def labels(output: Tensor, y: object) -> Tensor:
    """Labels for logits (n, classes, …) as cross-entropy takes them, checked before a GPU sees them.

    Class numbers (n, …) of any integer type, or probabilities of the output's shape. Raises TypeError or ValueError.
    """
    y = y if isinstance(y, Tensor) else _tensor(y).to(output.device)
    if y.device != output.device:
        raise ValueError(f"the labels are on {y.device}, the model's output on {output.device}: y.to({output.device})")
    if y.is_floating_point() and y.shape == output.shape:
        return y.to(output.dtype)
    if y.is_floating_point() or y.is_complex():
        raise TypeError(
            f"the labels are {described(y)} of {y.dtype}, and class numbers are whole: y.long() if they are, "
            "else pass loss= for the target that they are"
        )
    same_shape(y, output.shape[:1] + output.shape[2:], classes=output.shape[1])
    return _in_range(y.long(), output.shape[1])


def same_shape(y: Tensor, wanted: torch.Size, *, classes: int | None = None) -> None:
    """ValueError when labels have another shape than the output wants, which comparing would broadcast in silence."""
    if y.shape == wanted:
        return
    hint = f": y.reshape{tuple(wanted)}" if y.numel() == wanted.numel() else ""
    if y.ndim > 1 and y.shape == (*wanted[:1], classes, *wanted[1:]):
        hint = ": y.argmax(1) if they are one-hot"
    raise ValueError(f"the labels have shape {tuple(y.shape)}, and for this output they must be {tuple(wanted)}{hint}")


def as_many(x: object, y: object) -> Tensor:
    """The labels y of inputs x; TypeError when x is no tensor, ValueError when there are not as many, or none."""
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a tensor (n, …), got {described(x)}")
    y = (y if isinstance(y, Tensor) else _tensor(y)).to(x.device)
    if y.ndim == 0 or len(x) != len(y) or not y.numel():
        raise ValueError(f"x and y must hold as many examples, at least one: got {described(x)} and {described(y)}")
    return y


def one_number(value: object) -> Tensor:
    """What a loss returned, when it is one number with a gradient to take; TypeError or ValueError otherwise."""
    if not isinstance(value, Tensor):
        raise TypeError(f"the loss returned {described(value)}: it must return one number, as a tensor and alone")
    if value.numel() != 1:
        raise ValueError(f"the loss returned {described(value)}: it must return the mean over the examples, .mean()")
    if not value.is_floating_point():
        raise TypeError(f"the loss returned {value.dtype}, which has no gradient: it must return a real number")
    return value


def exact(sparsity: float | Fraction) -> Fraction:
    """The decimal sparsity as it was written, also of a scalar of NumPy or torch; ValueError outside [0, 1).

    >>> exact(0.95), exact(torch.tensor(0.95))
    (Fraction(19, 20), Fraction(19, 20))
    """
    try:
        number = Fraction(_written(sparsity) if isinstance(sparsity, Tensor) else str(sparsity))
    except (ValueError, TypeError, ZeroDivisionError, RuntimeError):  # no number, nan, several numbers
        number = Fraction(-1)
    if not 0 <= number < 1:
        raise ValueError(f"sparsity must be in [0, 1), got {sparsity}: 0.95 prunes 95 %")
    return number


def described(thing: object) -> str:
    """What a thing is, for an error message.

    >>> described(torch.zeros(2, 3)), described({"a": 1, "b": 2}), described((1, 2)), described(None)
    ('a tensor of shape (2, 3)', 'a dict (a, b)', 'a tuple of 2', 'NoneType')
    """
    if isinstance(thing, Tensor):
        return f"a tensor of shape {tuple(thing.shape)}"
    if isinstance(thing, np.ndarray):
        return f"a NumPy array of shape {thing.shape}"
    if isinstance(thing, Mapping):
        return f"a {type(thing).__name__} ({', '.join(map(str, list(thing)[:4]))})"
    if type(thing) in (tuple, list):
        return f"a {type(thing).__name__} of {len(thing)}"
    return type(thing).__name__


def _is_input(x: object) -> bool:
    """Whether x is what one call of a model takes, and no iterable of batches."""
    if isinstance(x, (list, tuple)) and not isinstance(x, PackedSequence):
        return bool(x) and all(isinstance(each, Tensor) for each in x)
    return isinstance(x, (Tensor, np.ndarray, Mapping, PackedSequence))


def _as_pairs(batch: object) -> str:
    if isinstance(batch, Mapping) and len(batch) >= 2:
        x, y = list(batch)[:2]
        return f"pass ((b[{x!r}], b[{y!r}]) for b in batches)"
    return "make a pair of each"


def _counted(x: object, y: object, examples: Examples) -> int:
    if not callable(examples):
        raise TypeError(f"examples must be a function (x, y) -> number of examples, got {described(examples)}")
    try:
        count = operator.index(examples(x, y))
    except TypeError as error:
        raise TypeError(f"examples must return a whole number: {error}") from error
    if count < 0:
        raise ValueError(f"examples returned {count}: a batch cannot hold fewer than 0")
    return count


def _misfit(model: nn.Module, x: object) -> str | None:
    weights = [p for p in model.parameters() if p.is_floating_point()]
    if not isinstance(x, Tensor) or not weights:
        return None
    if x.device not in {w.device for w in weights}:
        return f"x is on {x.device} and the weights on {weights[0].device}: x.to({str(weights[0].device)!r})"
    if x.dtype in {w.dtype for w in weights}:
        return None
    kinds = f"x holds {x.dtype} and the weights {weights[0].dtype}"
    if x.is_floating_point():
        return f"{kinds}: x.to({weights[0].dtype})"
    return f"{kinds}: standardise raw images first (data.standardise(x)), or x.float() / 255"


def _tensor(y: object) -> Tensor:
    try:
        return torch.as_tensor(y)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"the labels are {described(y)}, which cross-entropy cannot take: class numbers (n,) are wanted, "
            "or pass loss=, a function (output, y)"
        ) from None


def _in_range(y: Tensor, classes: int) -> Tensor:
    low, high = int(y.min()), int(y.max())
    if low >= 0 and high < classes:
        return y
    message = f"labels from {low} to {high}, but the model has {classes} classes (0 is the first)"
    if bool((y == IGNORED).any()):
        message = (
            f"labels of {IGNORED} (no class), which the default loss does not leave out: pass "
            "loss=torch.nn.functional.cross_entropy, and with several batches examples="
        )
    raise ValueError(message)


def _written(number: Tensor) -> str:
    """The shortest decimal that rounds to this number in its precision: 0.95 for 0.949999988079071 in float32."""
    value = number.detach().cpu()
    shortest = (f"{value.item():.{digits}g}" for digits in range(1, 18))
    same = (text for text in shortest if bool(value == torch.tensor(float(text), dtype=value.dtype, device="cpu")))
    return next(same, "nan")
