"""Data: where the samples come from, the constants of standardisation, the split, batches, augmentation, errors."""

import functools
import gzip
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import datasets

from snip_lib import data
from snip_lib.data import dataset
from snip_lib.data import sets as sources
from snip_lib.seeds import generator

PACKED = Path(__file__).resolve().parents[2] / "shared" / "data"  # a packed copy beside the checkout, if there is one
TORCHVISION = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST, "cifar10": datasets.CIFAR10}


@pytest.fixture(scope="session")
def full_sets():
    """The folder of the full data sets: SNIP_DATA's, or one unpacked from the packed copy; skips where neither is."""
    if all(data.available(name) for name in data.SOURCES):
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


@pytest.mark.parametrize("name", data.SOURCES)
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


@pytest.mark.parametrize("sample", data.SAMPLES)
def test_every_sample_is_in_the_full_set_it_is_said_to_be_from(full_sets, sample):
    found = sources.sample_arrays(sample)
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
    [("digits", (4000, 1000, 1000), (1, 28, 28)), ("cifar10-sample", (448, 64, 512), (3, 32, 32))],
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
        assert counts.max() - counts.min() <= (0 if name == "digits" else 1)
        images.append({image.numpy().tobytes() for image in x})
    assert sum(map(len, images)) == sum(sizes) == len(set.union(*images))  # no image twice
    raw = sources.sample_arrays(name)["test_x"]
    pixels = (found.pixels(found.test_x) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    assert torch.equal(pixels.squeeze(3), torch.from_numpy(raw))
    mean, std = torch.tensor(data.SOURCES[data.SAMPLES[name]].mean), torch.tensor(data.SOURCES[data.SAMPLES[name]].std)
    by_hand = (torch.from_numpy(raw).view(sizes[2], *shape[1:], -1) / 255 - mean) / std
    torch.testing.assert_close(found.test_x, by_hand.permute(0, 3, 1, 2))


def test_a_data_set_moves_between_devices():
    found = data.load("cifar10-sample", device="meta")
    assert {t.device.type for t in (found.train_x, found.valid_y, found.test_x)} == {"meta"}
    assert found.to("meta").name == "cifar10-sample"


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
    with pytest.raises(FileNotFoundError, match="SNIP_DATA") as caught:
        data.load(name, **options)
    assert str(folder) in str(caught.value)
    assert all(file in str(caught.value) for file in data.SOURCES[name].files)
    return str(caught.value)


@pytest.mark.parametrize("name", data.SOURCES)
def test_missing_files(empty_root, name):
    assert not data.available(name)
    assert "could not be loaded" in refused(name, empty_root, download=False)


@pytest.mark.parametrize("name", data.SOURCES)
def test_damaged_files(empty_root, name):
    for file in data.SOURCES[name].files:
        (empty_root / file).parent.mkdir(parents=True, exist_ok=True)
        (empty_root / file).write_bytes(b"half of a f")
    refused(name, empty_root, download=False)


@pytest.fixture
def server(tmp_path_factory):
    """A folder, and the address under which a server on this machine offers its files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    folder = tmp_path_factory.mktemp("server")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


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
