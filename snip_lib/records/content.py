"""What a record must hold to be read: a right checksum says that nobody altered it, not that it makes sense."""

import dataclasses
import functools
import re
import types
import typing
from collections.abc import Callable

from snip_lib import studies
from snip_lib.studies.run import Run

HUGE = 1e300  # beyond it, and for NaN, a number is no measurement
ERRORS = ("valid_error", "test_error", "best_test_error")


def check(record: dict, run: Run) -> None:
    """Raise ValueError, one phrase, when a field is missing or cannot be what its name says."""
    check_profile(record["profile"])
    _demand("method", record["method"], "a whole number of at least 0")
    _demand("arrays", record["arrays"], "null, or names of metrics and a SHA-256")
    _fields(record["from"], "origin", ORIGIN)
    if "computed" in record["from"]:
        _demand("computed", record["from"]["computed"], "a text")
    if "together" in record["from"]:
        _demand("together", record["from"]["together"], "a whole number of at least 1")
    beside = record["arrays"]["metrics"] if record["arrays"] else ()
    metrics = record["metrics"]
    _fields(metrics, "metrics", {name: kind for name, kind in METRICS.items() if name not in beside})
    _fields(metrics, "metrics", dict.fromkeys(ERRORS, "a share in [0, 1]" if metrics["diverged"] is None else SOME))
    kept, total = (sum(pair[i] for pair in metrics["layers"].values()) for i in (0, 1))
    if (kept, total) != (metrics["kept"], metrics["total"]):
        raise ValueError(f"its layers keep {kept} of {total}, its sums say {metrics['kept']} of {metrics['total']}")


def check_profile(profile: object) -> None:
    """Raise ValueError for a profile that no experiment of the library has."""
    if profile not in profiles():
        raise ValueError(f"its profile is {short(profile)}, not one of {', '.join(profiles())}")


@functools.cache
def profiles() -> tuple[str, ...]:
    """The profiles of all experiments."""
    return tuple(dict.fromkeys(profile for one in studies.EXPERIMENTS.values() for profile in one.seeds))


def check_types(settings: object) -> None:
    """Raise ValueError when a field of a `Run` or a recipe is not of the type that it states."""
    hints = typing.get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if not _is(value, hints[field.name]):
            raise ValueError(f"{field.name} is {short(value)}")
        if dataclasses.is_dataclass(value):
            check_types(value)


def short(value: object) -> str:
    """A value in a message: on one line, and not longer than a few words."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _is(value: object, hint: object) -> bool:
    """Whether a value is of an annotated type; whole numbers are numbers too, truth values are not."""
    if isinstance(hint, types.UnionType):
        return any(_is(value, one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is(item, typing.get_args(hint)[0]) for item in value)
    if hint in (int, float):
        return _whole(value) if hint is int else _number(value)
    return isinstance(value, hint)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -HUGE < value < HUGE


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _share(value: object) -> bool:
    return _number(value) and 0 <= value <= 1


def _list(value: object, kind: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and all(kind(item) for item in value)


def _pair(value: object, kind: Callable[[object], bool]) -> bool:
    return _list(value, _number) and len(value) == 2 and _whole(value[0]) and kind(value[1])


def _layers(value: object) -> bool:
    pairs = value.values() if isinstance(value, dict) else [None]
    return all(_list(pair, _whole) and len(pair) == 2 and 0 <= pair[0] <= pair[1] for pair in pairs)


def _fate(value: object) -> bool:
    if not isinstance(value, dict):
        return value is None
    return _whole(value.get("iteration")) and _number(value.get("learning_rate"))


def _beside(value: object) -> bool:
    if not isinstance(value, dict):
        return value is None
    named = _list(value.get("metrics"), lambda name: isinstance(name, str))
    return named and bool(re.fullmatch("[0-9a-f]{64}", str(value.get("sha256"))))


SOME = "a share in [0, 1] or null"
KINDS: dict[str, Callable[[object], bool]] = {
    "a text": lambda v: isinstance(v, str),
    "a text or null": lambda v: v is None or isinstance(v, str),
    "true, false or null": lambda v: v is None or isinstance(v, bool),
    "a number of at least 0": lambda v: _number(v) and v >= 0,
    "a whole number of at least 0": lambda v: _whole(v) and v >= 0,
    "a whole number of at least 1": lambda v: _whole(v) and v >= 1,
    "a whole number of at least 2": lambda v: _whole(v) and v >= 2,
    "a share in [0, 1]": _share,
    SOME: lambda v: v is None or _share(v),
    "a list of shares": lambda v: _list(v, _share),
    "a list of texts": lambda v: _list(v, lambda item: isinstance(item, str)),
    "pairs of an iteration and a share": lambda v: _list(v, lambda pair: _pair(pair, _share)),
    "pairs of an iteration and a number": lambda v: _list(v, lambda pair: _pair(pair, _number)),
    "pairs of kept and how many for each layer": _layers,
    "null, or an iteration and a learning rate": _fate,
    "null, or names of metrics and a SHA-256": _beside,
}
METRICS = {
    "diverged": "null, or an iteration and a learning rate",
    "classes": "a whole number of at least 2",
    "iterations": "a whole number of at least 0",
    "kept": "a whole number of at least 0",
    "total": "a whole number of at least 1",
    "layers": "pairs of kept and how many for each layer",
    "empty_layers": "a list of texts",
    "last_test_errors": "a list of shares",
    "valid_errors": "pairs of an iteration and a share",
    "losses": "pairs of an iteration and a number",
    "seconds": "a number of at least 0",
    "scoring_seconds": "a number of at least 0",
}
ORIGIN = {
    **dict.fromkeys(("sources", "device", "torch", "date", "repeats"), "a text"),
    "commit": "a text or null",
    "uncommitted": "true, false or null",
}


def _fields(given: object, what: str, wanted: dict[str, str]) -> None:
    if not isinstance(given, dict):
        raise ValueError(f"its {what} are {short(given)}")
    for name, kind in wanted.items():
        if name not in given:
            raise ValueError(f"its {what} lack {name!r}")
        _demand(name, given[name], kind)


def _demand(name: str, value: object, kind: str) -> None:
    if not KINDS[kind](value):
        raise ValueError(f"its {name} is {short(value)}, not {kind}")
