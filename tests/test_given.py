"""What a caller gives: batches and how many examples they hold, inputs, labels, losses, sparsity, and their errors."""

import doctest

import numpy as np
import oracles
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset

import snip_lib as sl
from snip_lib import given

N, CLASSES = 20, 4
SOURCE = torch.Generator().manual_seed(0)
X, Y = torch.randn(N, 12, generator=SOURCE), torch.arange(N) % CLASSES


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, CLASSES))


def test_the_examples_in_the_documentation_run():
    assert doctest.testmod(given).failed == 0


# How many examples


class Packed(nn.Module):
    """Of packed sequences; len() of one is 4, whatever it holds."""

    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.LSTM(5, 6), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.out(self.rnn(x)[1][0][-1])


def packed(n):
    return pack_sequence([torch.randn(4, 5, generator=SOURCE) for _ in range(n)]), torch.arange(n) % CLASSES


def time_first(n):
    return torch.randn(7, n, 5, generator=SOURCE), torch.arange(n) % CLASSES


def in_a_dictionary(n):
    x, y = time_first(n)
    return {"sequence": x}, y


def labels_in_a_list(n):
    x, y = time_first(n)
    return x, y.tolist()


def labels_of_numpy(n):
    x, y = time_first(n)
    return x, y.numpy()


class FromDictionary(Packed):
    def forward(self, x):
        return super().forward(x["sequence"])


@pytest.mark.parametrize(
    ("build", "make"),
    [
        (Packed, packed),
        (Packed, time_first),
        (FromDictionary, in_a_dictionary),
        (Packed, labels_in_a_list),
        (Packed, labels_of_numpy),
    ],
    ids=lambda thing: thing.__name__,
)
def test_batches_are_weighted_by_their_labels(build, make):
    torch.manual_seed(0)
    model, batches = build(), [make(n) for n in (16, 4, 5)]
    parts = [sl.connection_gradient(model, [batch]) for batch in batches]
    for name, g in sl.connection_gradient(model, iter(batches)).items():
        expected = sum(n * part[name] for n, part in zip((16, 4, 5), parts, strict=True)) / 25
        torch.testing.assert_close(g, expected)
    alone = sl.connection_gradient(model, *batches[0])
    assert all(torch.equal(alone[name], parts[0][name]) for name in alone)


def ignoring(output, y):
    return cross_entropy(output, y, ignore_index=-1)


def test_batches_are_weighted_by_an_argument_where_labels_do_not_say():
    """Labels of which only some count: the mean over all that do is that of one batch."""
    model, y = network(), Y.clone()
    y[:9] = -1
    batches = [(X[:10], y[:10]), (X[10:], y[10:])]
    whole = sl.connection_gradient(model, X, y, loss=ignoring)
    for function in (sl.connection_gradient, sl.snip):
        options = {"sparsity": 0.5} if function is sl.snip else {}
        expected = sl.snip(model, X, y, loss=ignoring, **options) if options else whole
        found = function(model, batches, loss=ignoring, examples=lambda _x, y: (y >= 0).sum(), **options)
        for name in expected:
            torch.testing.assert_close(found[name], expected[name])
    by_labels = sl.connection_gradient(model, batches, loss=ignoring)
    assert not all(torch.allclose(by_labels[name], whole[name]) for name in whole)


SILENT = {
    "a dictionary": lambda y: {"classes": y},
    "start and end": lambda y: [y, y],
    "targets and lengths": lambda y: (y, torch.ones(3)),
    "none": lambda y: None,
}


@pytest.mark.parametrize("kind", SILENT)
def test_labels_that_do_not_say_how_many_need_an_argument_where_it_matters(kind):
    def loss(output, _):
        return output.square().mean()

    model, batch = network(), (X, SILENT[kind](Y))
    one = sl.connection_gradient(model, [batch], loss=loss)
    with pytest.raises(TypeError, match=r"how many examples a batch holds cannot be told from labels.*pass examples="):
        sl.connection_gradient(model, [batch, batch], loss=loss)
    two = sl.connection_gradient(model, [batch, batch], loss=loss, examples=lambda x, _: len(x))
    for name in one:
        torch.testing.assert_close(two[name], one[name])


@pytest.mark.parametrize(
    ("y", "count"),
    [
        (Y, N),
        (Y[:, None], N),
        (torch.tensor(3), 1),
        (Y.numpy(), N),
        ([{"boxes": Y}, {"boxes": Y}], 2),
        (({"boxes": Y},), 1),
        (["cat", "dog", "cat"], 3),
        ([torch.tensor(1), torch.tensor(2)], 2),
        ([Y, Y], None),
        ({"a": Y}, None),
        (None, None),
    ],
)
def test_the_number_of_examples_of_labels(y, count):
    assert given.number_of_examples(X, y) == count


@pytest.mark.parametrize(
    ("examples", "error", "message"),
    [
        (20, TypeError, r"examples must be a function \(x, y\)"),
        (lambda x, y: 0.5, TypeError, "examples must return a whole number"),
        (lambda x, y: -1, ValueError, "examples returned -1"),
        (lambda x, y: 0, ValueError, "an empty batch"),
    ],
)
def test_a_bad_number_of_examples_is_refused(examples, error, message):
    with pytest.raises(error, match=message):
        sl.connection_gradient(network(), X, Y, examples=examples)


# Batches

NO_PAIRS = {
    "dictionaries": ([{"image": X, "label": Y}], r"got a dict \(image, label\): pass \(\(b\['image'\], b\['label'\]\)"),
    "threes": ([(X, Y, Y)], "got a tuple of 3"),
    "ones": ([(X,)], "got a tuple of 1"),
    "tensors": ([X, Y][:1] and iter([X]), "got a tensor of shape"),
    "one dictionary": ({"input_ids": X, "labels": Y}, r"labels are missing \(x is a dict \(input_ids, labels\)\)"),
    "an array": (X.numpy(), "labels are missing .*NumPy array"),
    "packed": ([packed(3)[0]], "got PackedSequence"),
    "text": ("mnist", "got str"),
    "a number": (3, r"x must be a tensor or an iterable of \(x, y\) pairs, got int"),
    "nothing": (None, r"x must be a tensor or an iterable of \(x, y\) pairs, got NoneType"),
    "a function": (packed, "got function"),
}


@pytest.mark.parametrize("kind", NO_PAIRS)
def test_what_is_no_pair_is_said_at_once(kind):
    batches, message = NO_PAIRS[kind]
    with pytest.raises(TypeError, match=message):
        sl.snip(network(), batches, sparsity=0.5)


def test_a_loader_of_lists_and_a_dataset_of_single_examples():
    data = TensorDataset(X, Y)
    plain = sl.snip(network(), X, Y, sparsity=0.5)
    assert sl.snip(network(), DataLoader(data, batch_size=N), sparsity=0.5) == plain
    with pytest.raises(ValueError, match="y is one label without a dimension: give a batch"):
        sl.snip(network(), data, sparsity=0.5)


# Inputs


@pytest.fixture(scope="module")
def raw():
    return torch.randint(0, 256, (6, 1, 6, 6), dtype=torch.uint8, generator=SOURCE), torch.arange(6) % CLASSES


HEADS = {
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, CLASSES)),
    "convolution": lambda: nn.Sequential(nn.Conv2d(1, CLASSES, 6), nn.Flatten()),
    "norm first": lambda: nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(36, CLASSES)),
}


@pytest.mark.parametrize("head", HEADS)
def test_raw_images_get_one_line(raw, head):
    message = r"^x holds torch.uint8 and the weights torch.float32: standardise raw images first"
    with pytest.raises(TypeError, match=message):
        sl.snip(HEADS[head](), *raw, sparsity=0.5)
    with pytest.raises(TypeError, match=message):
        sl.error_rate(HEADS[head](), *raw)


def test_a_model_that_takes_raw_images_is_scored_on_them(raw):
    class Scaled(nn.Sequential):
        def forward(self, x):
            return super().forward(x.float() / 255)

    model = Scaled(nn.Flatten(), nn.Linear(36, CLASSES))
    expected = oracles.gradient_of_c(nn.Sequential(*model), raw[0].float() / 255, raw[1])
    for name, g in sl.connection_gradient(model, *raw).items():
        torch.testing.assert_close(g, expected[name])
    assert 0 <= sl.error_rate(model, *raw) <= 1


def test_other_types_and_arrays_name_themselves_and_other_errors_pass():
    with pytest.raises(TypeError, match=r"x holds torch.float64 and the weights torch.float32: x.to\(torch.float32\)"):
        sl.snip(network(), X.double(), Y, sparsity=0.5)
    with pytest.raises(TypeError, match=r"x is a NumPy array of shape \(20, 12\): pass torch.as_tensor\(x\)"):
        sl.snip(network(), X.numpy(), Y, sparsity=0.5)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        sl.snip(network(), X[:, :5], Y, sparsity=0.5)
    words = nn.Sequential(nn.Embedding(30, 4), nn.Flatten(), nn.Linear(8, CLASSES))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):  # whole numbers are right here
        sl.snip(words, torch.ones(N, 3, dtype=torch.int64), Y, sparsity=0.5)


def test_a_model_elsewhere_is_said():
    with pytest.raises(TypeError, match=r"x is on cpu and the weights on meta: x.to\('meta'\)"):
        given.forward(network().to("meta"), X)


# Labels


@pytest.mark.parametrize(
    "change",
    [
        torch.Tensor.int,
        torch.Tensor.byte,
        torch.Tensor.short,
        torch.Tensor.char,
        torch.Tensor.numpy,
        torch.Tensor.tolist,
        lambda y: y.to(torch.uint16),
        lambda y: nn.functional.one_hot(y, CLASSES).float(),
        lambda y: nn.functional.one_hot(y, CLASSES).double(),
    ],
)
def test_class_numbers_of_any_whole_type_and_probabilities_work(change):
    plain = sl.connection_gradient(network(), X, Y)
    for name, g in sl.connection_gradient(network(), X, change(Y)).items():
        torch.testing.assert_close(g, plain[name])


def test_labels_that_are_true_or_false_are_classes_1_and_0():
    plain, found = (sl.connection_gradient(network(), X, y) for y in ((Y > 1).long(), Y > 1))
    assert all(torch.equal(found[name], plain[name]) for name in plain)


def of_pixels():
    return nn.Conv2d(3, 5, 3, padding=1)


PIXELS = torch.randn(2, 3, 8, 8, generator=SOURCE)
LABELS_OF_PIXELS = torch.randint(0, 5, (2, 8, 8), generator=SOURCE)
BAD_LABELS = {
    "a column": (Y[:, None], ValueError, r"labels have shape \(20, 1\), and .* must be \(20,\): y.reshape\(20,\)"),
    "one-hot": (nn.functional.one_hot(Y, CLASSES), ValueError, r"must be \(20,\): y.argmax\(1\) if they are one-hot"),
    "too few": (Y[:19], ValueError, r"labels have shape \(19,\), and .* must be \(20,\)$"),
    "real": (
        Y.float(),
        TypeError,
        r"labels are a tensor of shape \(20,\) of torch.float32, and class numbers are whole",
    ),
    "complex": (Y + 0j, TypeError, "class numbers are whole"),
    "strings": (["cat"] * N, TypeError, "labels are a list of 20, which cross-entropy cannot take"),
    "nothing": (None, TypeError, "labels are NoneType, which cross-entropy cannot take.*or pass loss="),
    "a dictionary": ({"classes": Y}, TypeError, r"labels are a dict \(classes\), which"),
    "ignored": (torch.where(Y > 1, Y, -100), ValueError, "labels of -100 .*pass loss=.*examples="),
    "too high": (Y + 1, ValueError, "labels from 1 to 4, but the model has 4 classes"),
    "one": (torch.tensor(1), ValueError, "y is one label without a dimension"),
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_labels_that_cross_entropy_cannot_take_are_named(kind):
    y, error, message = BAD_LABELS[kind]
    with pytest.raises(error, match=message):
        sl.snip(network(), [(X, y)], sparsity=0.5)


def test_labels_of_pixels():
    torch.manual_seed(0)
    model = of_pixels()
    expected = oracles.gradient_of_c(model, PIXELS, LABELS_OF_PIXELS)
    for name, g in sl.connection_gradient(model, PIXELS, LABELS_OF_PIXELS).items():
        torch.testing.assert_close(g, expected[name])
    some = torch.where(LABELS_OF_PIXELS == 0, -100, LABELS_OF_PIXELS)
    with pytest.raises(ValueError, match="labels of -100 .*pass loss="):
        sl.connection_gradient(model, PIXELS, some)
    expected = oracles.gradient_of_c(model, PIXELS, some)
    for name, g in sl.connection_gradient(model, PIXELS, some, loss=cross_entropy).items():
        torch.testing.assert_close(g, expected[name])


# Losses

LOSSES = {
    "a pair": (lambda o, y: (cross_entropy(o, y), {}), TypeError, "the loss returned a tuple of 2: it must return one"),
    "a float": (lambda o, y: float(cross_entropy(o.detach(), y)), TypeError, "the loss returned float: .* as a tensor"),
    "nothing": (lambda o, y: None, TypeError, "the loss returned NoneType"),
    "a dictionary": (lambda o, y: {"loss": o.sum()}, TypeError, r"the loss returned a dict \(loss\)"),
    "a class": (nn.CrossEntropyLoss, TypeError, r"loss must be a function \(output, y\) .*got type"),
    "one an example": (
        lambda o, y: cross_entropy(o, y, reduction="none"),
        ValueError,
        r"the loss returned a tensor of shape \(20,\): .*mean",
    ),
    "a count": (lambda o, y: (o.argmax(1) != y).sum(), TypeError, "the loss returned torch.int64, which has no grad"),
    "text": ("mse", TypeError, r"loss must be a function \(output, y\) .*got str"),
    "detached": (lambda o, y: cross_entropy(o.detach(), y), ValueError, "the loss depends on no parameter"),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_what_is_no_loss_is_named(kind):
    loss, error, message = LOSSES[kind]
    with pytest.raises(error, match=message):
        sl.snip(network(), X, Y, sparsity=0.5, loss=loss)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), lambda o, y: cross_entropy(o, y)[None]])
def test_a_module_or_one_number_in_a_list_is_a_loss(loss):
    plain = sl.connection_gradient(network(), X, Y)
    found = sl.connection_gradient(network(), X, Y, loss=loss)
    assert all(torch.allclose(found[name], plain[name]) for name in plain)


@pytest.mark.parametrize("output", [lambda o: o.argmax(1, keepdim=True), lambda o: (o, o), lambda o: o[:, 0]])
def test_an_output_that_is_no_logits_is_named(output):
    class Ends(nn.Sequential):
        def forward(self, x):
            return output(super().forward(x))

    with pytest.raises(TypeError, match="the model returned a t.*, which cross-entropy cannot take: pass loss="):
        sl.snip(Ends(*network()), X, Y, sparsity=0.5)


# Sparsity


@pytest.mark.parametrize("sparsity", [1, 1.5, -0.1, float("nan"), "half", None, torch.tensor([0.5, 0.6])])
def test_a_bad_sparsity_is_said_before_anything_is_computed(sparsity):
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got .*: 0.95 prunes 95 %"):
        sl.snip(network(), None, sparsity=sparsity)


@pytest.mark.parametrize("sparsity", [0.95, torch.tensor(0.95), np.float32(0.95), np.float64(0.95), "0.95"])
def test_sparsity_is_the_decimal_that_was_written(sparsity):
    assert given.exact(sparsity) * 100 == 95


@pytest.mark.parametrize(("x", "told"), [("text", "str"), (None, "NoneType"), ({"a": X}, r"a dict \(a\)")])
def test_inputs_that_the_model_cannot_take_are_named(x, told):
    with pytest.raises(TypeError, match=f"^x is {told}, which the model cannot take: linear"):
        sl.snip(nn.Linear(12, CLASSES), [(x, Y)], sparsity=0.5)
