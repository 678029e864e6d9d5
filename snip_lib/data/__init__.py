"""Data sets as tensors on the device: where they come from, mini-batches, augmentation."""

from typing import TYPE_CHECKING

from snip_lib.data.folders import book_data, root
from snip_lib.data.sets import NAMES, SAMPLES, SOURCES, available, check_name
from snip_lib.data.source import DataError, Source
from snip_lib.words import lazily

if TYPE_CHECKING:  # imported when first used: what data sets there are is known without torch
    from snip_lib.data.augment import flip_and_shift
    from snip_lib.data.batches import batch_indices, pruning_batch
    from snip_lib.data.dataset import VALIDATION_SHARE, DataSet, load

__all__ = [
    "NAMES",
    "SAMPLES",
    "SOURCES",
    "VALIDATION_SHARE",
    "DataError",
    "DataSet",
    "Source",
    "available",
    "batch_indices",
    "book_data",
    "check_name",
    "flip_and_shift",
    "load",
    "pruning_batch",
    "root",
]

_NAMES = {
    "flip_and_shift": "augment",
    **dict.fromkeys(("batch_indices", "pruning_batch"), "batches"),
    **dict.fromkeys(("VALIDATION_SHARE", "DataSet", "load"), "dataset"),
}
__getattr__, __dir__ = lazily(__name__, _NAMES)
