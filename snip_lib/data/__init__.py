"""Data sets as tensors on the device: where they come from, mini-batches, augmentation."""

from snip_lib.data.augment import flip_and_shift
from snip_lib.data.batches import batch_indices, pruning_batch
from snip_lib.data.dataset import VALIDATION_SHARE, DataSet, load
from snip_lib.data.folders import book_data, root
from snip_lib.data.sets import NAMES, SAMPLES, SOURCES, available, check_name
from snip_lib.data.source import DataError, Source

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
