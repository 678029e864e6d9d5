"""Data: where the samples come from, what sets are checked for, the split, batches, augmentation, errors."""

import dataclasses
import doctest
import functools
import gzip
import importlib
import io
import os
import pwd
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from serving import serving
from torchvision import datasets

import snip_lib as sl
from snip_lib import data
from snip_lib.data import dataset
from snip_lib.data import sets as sources
from snip_lib.seeds import generator
from tools import samples

PACKED = Path(__file__).resolve().parents[2] / "shared" / "data"  # a packed copy beside the checkout, if there is one
TORCHVISION = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST, "cifar10": datasets.CIFAR10}


@pytest.fixture(scope="session")
def full_sets():
    """The folder of the full data sets: SNIP_DATA's, or one unpacked from the packed copy; skips where neither is."""
    if all(data.available(name) for name in TORCHVISION):
        yield data.root()
        return
    if not (PACKED / "prepare.py").is_file():
        pytest.skip("the full data sets are not under SNIP_DATA (`python -m snip_lib data` fetches them)")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        subprocess.run([sys.executable, PACKED / "prepare.py", folder], check=True, capture_output=True)
        patch.setenv("SNIP_DATA", folder)
        yield Path(folder)


def full(name, folder, train):
    """Images and labels as bytes, by torchvision alone."""
    found = TORCHVISION[name](folder, train=train)
    return np.asarray(found.data), np.asarray(found.targets)


# The full sets


@pytest.mark.parametrize("name", TORCHVISION)
def test_mean_and_deviation_are_those_of_the_whole_training_set(full_sets, name):
    """Exactly, from counts of the 256 values: the constants have six digits."""
    images, _ = full(name, full_sets, train=True)
    images = images.reshape(len(images), -1, images.shape[3] if images.ndim == 4 else 1)
    for channel in range(images.shape[2]):
        counts = np.bincount(images[:, :, channel].ravel(), minlength=256)
        values = np.arange(256) / 255
        mean = (counts * values).sum() / counts.sum()
        std = np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum())
        assert data.SOURCES[name].mean[channel] == pytest.approx(mean, abs=6e-7)
        assert data.SOURCES[name].std[channel] == pytest.approx(std, abs=6e-7)


@pytest.mark.parametrize("sample", ["digits", "fashion-sample", "cifar10-sample"])
def test_every_sample_is_in_the_full_set_it_is_said_to_be_from(full_sets, sample):
    found = sources.arrays(sample)
    sets = {}
    for part, train in (("train", True), ("test", False)):
        images, labels = full(data.SAMPLES[sample], full_sets, train)
        sets[part] = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for part, origin, other in (("train", "train", "test"), ("valid", "train", "test"), ("test", "test", "train")):
        for image, label in zip(found[f"{part}_x"], found[f"{part}_y"], strict=True):
            assert sets[origin][image.tobytes()] == label
            assert image.tobytes() not in sets[other]


def test_a_tenth_is_spared_and_nothing_is_lost(full_sets):
    found = data.load("mnist", download=False)
    assert (len(found.train_x), len(found.valid_x), len(found.test_x)) == (54_000, 6_000, 10_000)
    sums = [part.double().sum() for part in (found.train_x, found.valid_x)]
    assert sum(sums) / (60_000 * 28 * 28) == pytest.approx(0, abs=1e-5)
    images, labels = full("mnist", full_sets, train=True)
    parts = [bytes_of(found.pixels(x), y) for x, y in ((found.train_x, found.train_y), (found.valid_x, found.valid_y))]
    assert parts[0] + parts[1] == Counter(zip(map(np.ndarray.tobytes, images), labels.tolist(), strict=True))


def bytes_of(pixels, labels):
    images = (pixels * 255).round().to(torch.uint8).numpy()
    return Counter(zip(map(np.ndarray.tobytes, images), labels.tolist(), strict=True))


# The split, on labels that name the images


def arrays(n):
    images = np.arange(n, dtype=np.uint8).reshape(n, 1, 1)
    return {"train_x": images, "train_y": np.arange(n), "test_x": images[:2], "test_y": np.arange(2)}


@given(st.integers(10, 200), st.integers(0, 10))
def test_the_split_is_disjoint_complete_and_a_function_of_its_seed(n, seed):
    split = dataset._split(arrays(n), seed)
    assert len(split["valid_y"]) == n // 10
    assert sorted([*split["train_y"], *split["valid_y"]]) == list(range(n))
    assert (split["train_x"][:, 0, 0] == split["train_y"]).all()
    assert (split["valid_x"][:, 0, 0] == split["valid_y"]).all()
    again = dataset._split(arrays(n), seed)
    assert (split["valid_y"] == again["valid_y"]).all()


def test_another_seed_gives_another_split():
    assert set(dataset._split(arrays(200), 0)["valid_y"]) != set(dataset._split(arrays(200), 1)["valid_y"])


# The samples that ship


@pytest.mark.parametrize(
    ("name", "sizes", "shape"),
    [
        ("digits", (4000, 1000, 1000), (1, 28, 28)),
        ("fashion-sample", (2000, 500, 1000), (1, 28, 28)),
        ("cifar10-sample", (448, 64, 512), (3, 32, 32)),
    ],
)
def test_samples_are_standardised_balanced_and_disjoint(name, sizes, shape):
    found = data.load(name)
    parts = [(getattr(found, f"{p}_x"), getattr(found, f"{p}_y")) for p in ("train", "valid", "test")]
    assert tuple(len(x) for x, _ in parts) == sizes
    images = []
    for x, y in parts:
        assert x.shape[1:] == shape == found.input_shape
        assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
        counts = torch.bincount(y, minlength=found.classes)
        assert counts.max() - counts.min() <= (1 if name == "cifar10-sample" else 0)
        images.append({image.numpy().tobytes() for image in x})
    assert sum(map(len, images)) == sum(sizes) == len(set.union(*images))  # no image twice
    raw = sources.arrays(name)["test_x"]
    pixels = (found.pixels(found.test_x) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    assert torch.equal(pixels.squeeze(3), torch.from_numpy(raw))
    mean, std = torch.tensor(data.SOURCES[data.SAMPLES[name]].mean), torch.tensor(data.SOURCES[data.SAMPLES[name]].std)
    by_hand = (torch.from_numpy(raw).view(sizes[2], *shape[1:], -1) / 255 - mean) / std
    torch.testing.assert_close(found.test_x, by_hand.permute(0, 3, 1, 2))


def test_a_data_set_moves_between_devices():
    found = data.load("cifar10-sample", device="meta")
    assert {t.device.type for t in (found.train_x, found.valid_y, found.test_x)} == {"meta"}
    assert found.to("meta").name == "cifar10-sample"


def test_the_made_up_sample_is_what_its_seed_draws():
    drawn, shipped = samples.tiny_imagenet(), sources.arrays("tiny-imagenet-sample")
    assert all(np.array_equal(drawn[key], shipped[key]) for key in shipped)
    pictures = [picture.tobytes() for key, images in shipped.items() if key.endswith("_x") for picture in images]
    assert len(set(pictures)) == len(pictures) == 680
    for part, each in (("train", 20), ("valid", 4), ("test", 10)):
        assert np.bincount(shipped[f"{part}_y"]).tolist() == [each] * 20
    x, source = shipped["train_x"].astype(np.float64) / 255, data.SOURCES["tiny-imagenet-sample"]
    assert x.mean((0, 1, 2)) == pytest.approx(source.mean, abs=6e-7)
    assert x.std((0, 1, 2)) == pytest.approx(source.std, abs=6e-7)


# What a set says of itself, and bytes that are standardised a batch at a time


@pytest.mark.parametrize("name", data.SAMPLES)
def test_a_set_knows_its_classes_and_shape(name):
    found, source = data.load(name), data.SOURCES[name]
    assert (found.classes, found.input_shape) == (source.classes, source.shape)
    assert found.classes == len(found.train_y.unique()) == int(found.train_y.max()) + 1
    assert data.SOURCES[data.SAMPLES[name]].sample == name
    assert data.SOURCES[data.SAMPLES[name]].shape == source.shape


def as_floats(found):
    """The same set, standardised as a whole by arithmetic of its own."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (found.mean, found.std))
    parts = {f"{part}_x": (getattr(found, f"{part}_x") / 255 - mean) / std for part in ("train", "valid", "test")}
    return dataclasses.replace(found, **parts)


def test_bytes_train_and_score_to_the_bit_as_floats_do():
    """One at a time or many: the pruning batch, augmented steps and evaluation of bytes are those of floats."""
    small = data.load("tiny-imagenet-sample")
    assert small.train_x.dtype == torch.uint8
    whole, recipe = as_floats(small), sl.Recipe(iterations=4, batch_size=8, learning_rate=0.01, augment=True)
    results = []
    for found in (small, whole):
        model = sl.models.build("lenet-300-100", generator=0, input_shape=(3, 64, 64), classes=20)
        x, y = data.pruning_batch(found, 30, seed=0)
        masks = sl.snip(model, x, y, sparsity=0.9)
        result = sl.train(model, found, recipe, seed=0, masks=masks)
        results.append((x, masks, result.loss, result.valid_error, result.last_test_errors, model.fc1.weight))
    assert torch.equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert results[0][2:5] == results[1][2:5]
    assert torch.equal(results[0][5], results[1][5])
    one, many = small.standardise(small.test_x[3:4]), small.standardise(small.test_x)
    assert torch.equal(one[0], many[3])
    assert torch.equal(many, whole.test_x)
    assert torch.equal((small.pixels(small.test_x) * 255).round().byte(), small.test_x)
    assert torch.equal((small.pixels(many) * 255).round().byte(), small.test_x)


def test_bytes_train_several_networks_at_once_as_floats_do():
    small, recipe = data.load("tiny-imagenet-sample"), sl.Recipe(iterations=3, batch_size=8, learning_rate=0.01)
    weights, results = [], []
    for found in (small, as_floats(small)):
        build = functools.partial(sl.models.build, "lenet-300-100", input_shape=(3, 64, 64), classes=20)
        networks = [build(generator=seed) for seed in (0, 1)]
        trainer = sl.batched.BatchedTrainer(networks, found, recipe, seeds=(0, 1))
        results.append([(r.loss, r.valid_error, r.last_test_errors) for r in trainer.run()])
        weights.append([network.fc1.weight for network in networks])
    assert results[0] == results[1]
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    assert not torch.equal(*weights[0])


def test_floats_come_back_as_they_are():
    digits = data.load("digits")
    for x in (digits.train_x, digits.test_x.double()):
        assert digits.standardise(x) is x


# Files are checked against each other and their set


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A copy of the book's data folder; returns the path of the sample in it."""
    (tmp_path / "samples").mkdir()
    monkeypatch.setenv("SNIP_BOOK_DATA", str(tmp_path))
    return tmp_path / "samples" / "digits.npz"


@pytest.fixture(scope="module")
def digits():
    return dict(sources.arrays("digits"))


def changed(arrays, key, index, value):
    array = arrays[key].copy()
    array[index] = value
    return arrays | {key: array}


FAULTS = {
    "a label of 255": (lambda a: changed(a, "train_y", 7, 255), "train labels from 0 to 255, not 0 to 9"),
    "a label of 10": (lambda a: changed(a, "test_y", 0, 10), "test labels from 0 to 10"),
    "a label of -1": (lambda a: changed(a | {"valid_y": a["valid_y"].astype(int)}, "valid_y", 1, -1), "from -1 to 9"),
    "100 images": (lambda a: a | {"train_x": a["train_x"][:100]}, "4000 train labels for 100 images"),
    "one label less": (lambda a: a | {"test_y": a["test_y"][:-1]}, "999 test labels for 1000 images"),
    "no image": (lambda a: a | {"valid_x": a["valid_x"][:0], "valid_y": a["valid_y"][:0]}, "0 valid images, not 1000"),
    "a smaller set": (lambda a: a | {k: a[k][:600] for k in ("train_x", "train_y")}, "600 train images, not 4000"),
    "no array of images": (lambda a: {k: v for k, v in a.items() if k != "test_x"}, "no array test_x"),
    "no array of labels": (lambda a: {k: v for k, v in a.items() if k != "valid_y"}, "no array valid_y"),
    "floats": (lambda a: a | {"train_x": a["train_x"].astype(np.float32)}, "images are float32"),
    "flat images": (lambda a: a | {"train_x": a["train_x"].reshape(4000, 784)}, "not uint8 of shape (28, 28)"),
    "colours": (lambda a: a | {"train_x": np.stack([a["train_x"]] * 3, 3)}, "of shape (28, 28, 3), not"),
    "a number for images": (lambda a: a | {"train_x": np.uint8(1)}, "the train images are uint8 of shape ()"),
    "labels that are no numbers": (lambda a: a | {"train_y": a["train_y"].astype(str)}, "not whole numbers"),
    "labels one-hot": (lambda a: a | {"train_y": np.eye(10, dtype=int)[a["train_y"]]}, "of shape (4000, 10)"),
    "fractions for labels": (lambda a: a | {"test_y": a["test_y"] / 2}, "the test labels are float64"),
    "objects": (lambda a: a | {"train_y": a["train_y"].astype(object)}, "is damaged (Object arrays"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sample_that_is_another_set(book, digits, fault):
    change, message = FAULTS[fault]
    np.savez(book, **change(digits))
    with pytest.raises(data.DataError) as caught:
        data.load("digits")
    assert message in one_line(caught)
    assert "digits" in str(caught.value)


def test_other_arrays_beside_those_of_the_set_do_no_harm(book, digits):
    np.savez(book, **digits, made=np.arange(3))
    assert torch.equal(data.load("digits").train_y, torch.from_numpy(digits["train_y"]).long())


SHIPPED = (data.book_data() / "samples" / "tiny-imagenet-sample.npz").read_bytes()


@given(st.one_of(st.integers(0, 200), st.integers(0, len(SHIPPED) - 1)), st.booleans(), st.integers(1, 255))
def test_a_sample_cut_short_or_with_a_changed_byte(place, cut, change):
    """Whatever byte is missing or changed: an error of one line, or (in dates and the like) the same arrays."""
    damaged = SHIPPED[:place] if cut else SHIPPED[:place] + bytes([SHIPPED[place] ^ change]) + SHIPPED[place + 1 :]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNIP_BOOK_DATA", folder)
        Path(folder, "samples").mkdir()
        Path(folder, "samples", "tiny-imagenet-sample.npz").write_bytes(damaged)
        found, told = None, ""
        try:
            found = sources.arrays("tiny-imagenet-sample")
        except data.DataError as error:
            told = str(error)
    if found is None:
        assert "tiny-imagenet-sample.npz is damaged (" in told or "no array" in told
        assert "\n" not in told
    else:
        assert not cut
        expected = np.load(io.BytesIO(SHIPPED))
        assert all(np.array_equal(found[key], expected[key]) for key in found)


@pytest.mark.parametrize("what", ["missing", "empty", "text", "one array", "a folder"])
def test_a_sample_that_is_no_archive(book, what):
    if what == "one array":
        with open(book, "wb") as file:
            np.save(file, np.arange(5))
    elif what == "a folder":
        book.mkdir()
    elif what != "missing":
        book.write_bytes(b"" if what == "empty" else b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(data.DataError) as caught:
        data.load("digits")
    assert str(book) in one_line(caught)
    assert ("is not there" if what == "missing" else "is damaged") in str(caught.value)


def put(folder, part, images, labels):
    """MNIST's files of a part, unpacked: the format of its makers."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / f"{part}-{kind}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (60, 59, "59 train labels for 60 images"),
        (59, 60, "60 train labels for 59 images"),
        (600, 600, "600 train images, not 60000"),
        (60_000, 60_000, "checksum"),
    ],
)
def test_unpacked_files_that_are_another_set(empty_root, name, images, labels, message):
    noise, raw = np.random.default_rng(0), empty_root / data.SOURCES[name].files[0]
    put(raw.parent, "train", noise.integers(0, 255, (images, 28, 28)), np.arange(labels) % 10)
    put(raw.parent, "t10k", noise.integers(0, 255, (10_000, 28, 28)), np.arange(10_000) % 10)
    assert data.available(name)
    for download in (False, True):
        with pytest.raises(data.DataError) as caught:
            data.load(name, download=download)
        assert message in one_line(caught)
        assert f"delete {raw.parents[1]}" in str(caught.value)


def test_the_labels_of_another_sets_files(full_sets, empty_root):
    """All sizes right, the labels Fashion-MNIST's, and one pixel of MNIST changed."""
    for change in (lambda x, y: (x, np.roll(y, 1)), lambda x, y: (np.where(np.arange(784).reshape(28, 28), x, 1), y)):
        for part, train in (("train", True), ("t10k", False)):
            put(empty_root / "MNIST" / "raw", part, *change(*full("mnist", full_sets, train)))
        with pytest.raises(data.DataError, match="checksum"):
            data.load("mnist", download=False)


# Batches


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 3))
def test_batches_are_one_endless_stream_of_permutations(n, batch_size, seed):
    count = 2 + 3 * n // batch_size
    batches = [data.batch_indices(n, batch_size, i, seed=seed) for i in range(count)]
    assert all(len(batch) == batch_size for batch in batches)
    stream = torch.cat(batches)
    for epoch in stream.split(n)[: len(stream) // n]:
        assert epoch.sort().values.tolist() == list(range(n))
    # a pure function: the same again, asked for in another order, though the caller wrote into what it got before
    for i in reversed(range(count)):
        expected = batches[i].clone()
        data.batch_indices(n, batch_size, i, seed=seed).fill_(-1)
        assert torch.equal(data.batch_indices(n, batch_size, i, seed=seed), expected)


def test_batches_of_several_seeds_are_those_of_each():
    both = data.batch_indices(10, 8, 1, seed=(3, 4))
    assert torch.equal(both, torch.stack([data.batch_indices(10, 8, 1, seed=seed) for seed in (3, 4)]))


def test_epochs_and_seeds_have_orders_of_their_own():
    first, second = data.batch_indices(1000, 2000, 0, seed=0).split(1000)
    other = data.batch_indices(1000, 1000, 0, seed=1)
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("size", [1, 100, 448])
def test_the_pruning_batch_is_of_distinct_training_examples(size):
    found = data.load("cifar10-sample")
    x, y = data.pruning_batch(found, size, seed=0)
    index = {image.numpy().tobytes(): i for i, image in enumerate(found.train_x)}
    where = [index[image.numpy().tobytes()] for image in x]
    assert len(set(where)) == size
    assert torch.equal(found.train_y[where], y)
    assert torch.equal(x, data.pruning_batch(found, size, seed=0)[0])
    assert size == 448 or not torch.equal(x, data.pruning_batch(found, size, seed=1)[0])


@pytest.mark.parametrize("size", [0, 449])
def test_a_pruning_batch_that_cannot_be_had(size):
    with pytest.raises(ValueError, match=f"a pruning batch of {size} examples: the training set has 448"):
        data.pruning_batch(data.load("cifar10-sample"), size, seed=0)


@pytest.mark.parametrize("label", [0, 9])
def test_a_pruning_batch_of_one_class_is_what_the_order_of_all_has_of_it(label):
    found = data.load("cifar10-sample")
    every, labels = data.pruning_batch(found, 448, seed=3)
    x, y = data.pruning_batch(found, 20, seed=3, label=label)
    assert torch.equal(x, every[labels == label][:20])
    assert y.tolist() == [label] * 20


@pytest.mark.parametrize(("label", "there"), [(0, 45), (10, 0), (-1, 0)])
def test_a_class_has_only_so_many(label, there):
    with pytest.raises(ValueError, match=f"of 46 examples: class {label} of the training set has {there}"):
        data.pruning_batch(data.load("cifar10-sample"), 46, seed=0, label=label)


def test_generators_of_different_purposes_are_independent_of_each_other_and_of_the_global_state():
    state = torch.get_rng_state()
    draws = [torch.rand(4, generator=generator(*key)) for key in ((0, "a"), (0, "b"), (1, "a"), (0, "a", 1))]
    data.batch_indices(10, 4, 0, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    assert len({tuple(d.tolist()) for d in draws}) == 4
    assert torch.equal(draws[0], torch.rand(4, generator=generator(np.int64(0), "a")))


def test_draws_do_not_depend_on_the_default_device():
    def draws():
        x = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32, device="cpu").view(2, 3, 4, 4)
        shifted = data.flip_and_shift(x, generator=generator(0), pixels=1)
        found = data.load("cifar10-sample")
        return shifted, found.test_x, data.pruning_batch(found, 5, seed=0)[0]

    with torch.device("meta"):
        elsewhere = draws()
        order = data.batch_indices(50, 50, 0, seed=9)
    assert all(torch.equal(a, b) for a, b in zip(elsewhere, draws(), strict=True))
    assert order.sort().values.tolist() == list(range(50))


# Augmentation


def moved(image, flip, down, right, pixels):
    """One image (c, h, w), flipped and then shifted, pixel by pixel; what comes in from outside is 0."""
    _, height, width = image.shape
    result = np.zeros_like(image)
    for i, j in product(range(height), range(width)):
        row, column = i + down - pixels, j + right - pixels
        if 0 <= row < height and 0 <= column < width:
            result[:, i, j] = image[:, row, width - 1 - column if flip else column]
    return result


def test_flip_and_shift_against_a_loop_over_images():
    """Every image comes out as exactly one of the 2 * 5 * 5 that are possible; all of these are equally frequent."""
    pixels, n = 2, 2000
    g = torch.Generator().manual_seed(0)
    few = torch.randn(8, 2, 5, 6, generator=g)
    x = few.repeat(n // 8, 1, 1, 1)
    before = x.clone()
    y = data.flip_and_shift(x, generator=g, pixels=pixels)
    assert torch.equal(x, before)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    ways = list(product((False, True), range(5), range(5)))
    counts = torch.zeros(len(ways))
    for k, image in enumerate(few):
        candidates = torch.stack([torch.from_numpy(moved(image.numpy(), *way, pixels)) for way in ways])
        matches = (y[k::8, None] == candidates).flatten(2).all(2)
        assert (matches.sum(1) == 1).all()
        counts += matches.sum(0)
    expected = n / len(ways)
    assert ((counts - expected) ** 2 / expected).sum() < 85.4  # chi-squared with 49 degrees of freedom, 0.1 %


def test_flip_and_shift_follows_its_generator():
    x = torch.randn(50, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    first, again, other = (data.flip_and_shift(x, generator=generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# Errors


@pytest.fixture
def empty_root(tmp_path, monkeypatch):
    monkeypatch.setenv("SNIP_DATA", str(tmp_path))
    return tmp_path


def refused(name, folder, **options):
    """The message of the error, after checking that it names the folder, every file and the variable."""
    with pytest.raises(data.DataError, match="SNIP_DATA") as caught:
        data.load(name, **options)
    assert str(folder) in str(caught.value)
    assert all(file in str(caught.value) for file in data.SOURCES[name].files)
    return one_line(caught)


FULL = [name for name in data.NAMES if name not in data.SAMPLES]


@pytest.mark.parametrize("name", FULL)
def test_missing_files(empty_root, name):
    assert not data.available(name)
    assert "could not be loaded" in refused(name, empty_root, download=False)


@pytest.mark.parametrize("name", TORCHVISION)
def test_damaged_files(empty_root, name):
    for file in data.SOURCES[name].files:
        (empty_root / file).parent.mkdir(parents=True, exist_ok=True)
        (empty_root / file).write_bytes(b"half of a f")
    refused(name, empty_root, download=False)


@pytest.fixture
def server(tmp_path_factory):
    """A folder, and the address under which a server on this machine offers its files."""

    folder = tmp_path_factory.mktemp("server")
    with serving(folder) as address:
        yield folder, address


def test_a_damaged_download(empty_root, monkeypatch, server):
    """Files that are not the ones that the md5 sums are of."""
    folder, address = server
    monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{address}cifar.tar.gz")
    assert "404" in refused("cifar10", empty_root)
    for file, _ in datasets.MNIST.resources:
        (folder / file).write_bytes(gzip.compress(b"something else"))
    (folder / "cifar.tar.gz").write_bytes(b"something else")
    for name in ("mnist", "cifar10"):
        assert "corrupted" in refused(name, empty_root)
        assert not data.available(name)


@pytest.mark.parametrize("name", ["minst", "CIFAR10"])
def test_an_unknown_name(name):
    for function in (data.load, data.available):
        with pytest.raises(
            ValueError, match=rf"unknown data set '{name}'; known: mnist, .*did you mean '(mnist|cifar10)'"
        ):
            function(name)


@pytest.fixture
def homeless(monkeypatch):
    """As in a container that runs under a user of its own: no HOME, no entry in the list of users."""

    def nobody(_):
        raise KeyError("getpwuid(): uid not found")

    for variable in ("HOME", "SNIP_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)


def test_without_a_home(homeless, monkeypatch):
    assert data.root() == Path(tempfile.gettempdir()) / "snip-book"
    assert not any(data.available(name) for name in FULL if not data.root().exists())
    assert data.load("digits", download=False).classes == 10
    monkeypatch.setenv("XDG_CACHE_HOME", "~/.cache")
    assert data.root() == Path(tempfile.gettempdir()) / "snip-book"
    for variable, asked in (("SNIP_DATA", data.root), ("SNIP_BOOK_DATA", data.book_data)):
        monkeypatch.setenv(variable, "~/data")
        with pytest.raises(ValueError, match=f"{variable}=~/data: there is no home"):
            asked()


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only the administrator can become somebody else")
def test_a_folder_that_may_not_be_read_is_a_set_that_is_not_there(tmp_path):
    code = f"""import os; os.chmod({str(tmp_path)!r}, 0o700); os.environ["SNIP_DATA"] = {str(tmp_path)!r}
from snip_lib import data
os.setuid(12345)
print([data.available(name) for name in data.NAMES if name not in data.SAMPLES])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{[False] * len(FULL)}\n"


MODULES = ("augment", "batches", "dataset", "folders", "readers", "sets", "source", "tiny_imagenet")


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings_run(name):
    module = importlib.import_module(f"snip_lib.data.{name}")
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


def test_where_data_is_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("SNIP_DATA", "~/somewhere")
    assert data.root() == Path.home() / "somewhere"
    monkeypatch.delenv("SNIP_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data.root() == tmp_path / "snip-book"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data.root() == Path.home() / ".cache" / "snip-book"
    assert all(data.available(name) for name in data.SAMPLES)
    monkeypatch.setenv("SNIP_BOOK_DATA", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="SNIP_BOOK_DATA") as caught:
        data.load("digits")
    assert str(tmp_path / "none") in str(caught.value)
    assert "SNIP_DATA" not in os.environ
