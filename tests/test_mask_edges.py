"""Masks at the edges: wrapped models, scores that cannot be ranked, tensors without entries, names a file keeps."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import snip_lib as sl


def small():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4))
        return net, torch.randn(20, 12), torch.randint(0, 4, (20,))


WRAPPERS = {
    "compiled": lambda net: torch.compile(net, backend="eager"),
    "parallel": nn.DataParallel,
    "both": lambda net: torch.compile(nn.DataParallel(net), backend="eager"),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_masks_of_a_model_are_held_and_applied_through_a_wrapper(wrap):
    net, x, y = small()
    masks = sl.snip(net, x, y, sparsity=0.7)
    wrapped = wrap(net)
    optimizer = torch.optim.SGD(wrapped.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    with masks.hold(wrapped, optimizer):
        for _ in range(3):
            optimizer.zero_grad()
            cross_entropy(wrapped(x), y).backward()
            optimizer.step()
    alive = {name: p != 0 for name, p in net.named_parameters()}
    assert all(not alive[name][~mask].any() and alive[name][mask].all() for name, mask in masks.items())
    assert masks.apply_(wrapped) is wrapped


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (lambda: torch.eye(3).to_sparse(), "sparse_coo"),
        (lambda: torch.eye(3).to_sparse_csr(), "sparse_csr"),
        (lambda: torch.empty(3, device="meta"), "meta"),
        (lambda: torch.nested.nested_tensor([torch.ones(3), torch.ones(2)]), "nested"),
        (lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "qint8"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch: nested and quantized tensors are going away
def test_scores_without_values_in_order_are_refused_by_name(score, word):
    with pytest.raises(TypeError, match=f"scores of 'w' must be a .*{word}"):
        sl.keep_top({"w": score()}, sparsity=0.5)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.float16, torch.bfloat16])
def test_scores_of_few_bits_are_ranked_as_the_numbers_they_hold(dtype):
    scores = torch.tensor([3.0, -1, 2, 0, 0.5, -448]).to(dtype)
    ranked = scores.float().sort(descending=True, stable=True).indices[:3]
    assert set(sl.keep_top({"w": scores}, sparsity=0.5)["w"].nonzero().view(-1).tolist()) == set(ranked.tolist())


def test_a_tensor_without_entries_lost_nothing():
    nothing = sl.Masks({"a": torch.ones(0, 3, dtype=torch.bool)})
    assert (nothing.sparsity, nothing.density(), nothing.empty_layers()) == (0, {"a": 1.0}, [])
    assert "0 of 0 kept" in repr(nothing)


def test_a_name_that_is_none_and_one_that_the_file_keeps_are_refused(tmp_path):
    mask = torch.ones(3, dtype=torch.bool)
    with pytest.raises(TypeError, match="names of parameters, got 1"):
        sl.Masks({1: mask})
    with pytest.raises(ValueError, match="'__metadata__' cannot be saved"):
        sl.Masks({"__metadata__": mask}).save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scores", [[torch.ones(3)], torch.ones(3), None])
def test_scores_without_names_are_refused(scores):
    with pytest.raises(TypeError, match="scores must be a dict, name -> tensor, got "):
        sl.keep_top(scores, sparsity=0.5)


@pytest.mark.parametrize("masks", [None, [torch.ones(3) > 0], torch.ones(3) > 0])
def test_masks_without_names_are_refused(masks):
    with pytest.raises(TypeError, match="masks must be a dict, name -> boolean tensor, got "):
        sl.Masks(masks)


@pytest.mark.parametrize("source", [None, 0.5, "3", torch.ones(2)])
def test_what_is_no_seed_is_refused_wherever_something_is_drawn(source):
    """Half a seed was seed 0 once, without a word."""
    net, message = nn.Linear(12, 4), "generator must be a torch.Generator or a whole number"
    for draw in (
        lambda: sl.Masks({"w": torch.ones(3) > 0}).shuffled(generator=source),
        lambda: sl.init.initialize_(net, "vs-l", generator=source),
        lambda: sl.models.build("lenet-300-100", generator=source),
        lambda: sl.criteria.random(net, torch.ones(2, 12), torch.tensor([0, 1]), generator=source),
    ):
        with pytest.raises(TypeError, match=message):
            draw()


def test_whole_numbers_of_any_kind_are_seeds():
    drawn = [
        sl.init.initialize_(nn.Linear(12, 4), "vs-l", generator=seed).weight
        for seed in (3, np.int64(3), torch.tensor(3), torch.Generator().manual_seed(3))
    ]
    assert all(torch.equal(weight, drawn[0]) for weight in drawn)
