"""Batches are weighed alike by every criterion, and what one cannot see it says."""

import warnings

import pytest
import torch
from test_backward import HIDING, LABELS, Net, batch
from torch import nn

import snip_lib as sl

OF_DATA = ["snip", "gradient", "grasp", "obd", "signed"]
SECOND = ["grasp", "obd", "synflow"]
pytestmark = pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad=True")  # torch's


def close(found, expected):
    return all(torch.allclose(found[n], expected[n], rtol=1e-5, atol=1e-9) for n in expected) and list(found) == list(
        expected
    )


class TwoHeads(nn.Module):
    """The second head is asked by inputs of a positive first feature alone."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 3), nn.Linear(6, 3)
        source = torch.Generator().manual_seed(0)
        for p in self.parameters():
            nn.init.normal_(p, generator=source)

    def forward(self, x):
        asked = x[:, :1] > 0
        out = self.first(x)
        return out + self.second(x) * asked if bool(asked.any()) else out


@pytest.mark.parametrize("name", OF_DATA)
def test_batches_weigh_as_many_examples_as_they_hold(name):
    model, (x, y), score = Net().double(), batch(), sl.criteria.named(name)
    x = x.double()
    parts = [(x[:7], y[:7]), (x[7:8], y[7:8]), (x[8:], y[8:])]
    assert close(score(model, parts), score(model, x, y))
    assert not close(score(model, parts), score(model, parts, examples=lambda x, y: 1))
    alike = score(model, parts[:2], examples=lambda x, y: 5)
    twice = [parts[0], *[parts[1]] * 7]  # as many of the second as of the first
    assert close(alike, score(model, twice))


@pytest.mark.parametrize("name", OF_DATA)
def test_what_one_batch_does_not_reach_another_may(name):
    """No word of it, and the batch that does not reach it counts as 0."""
    (x, y), model = batch(), TwoHeads()
    without, asking = x.clone(), x.clone()
    without[:, 0], asking[:, 0] = -1, 1
    score = sl.criteria.named(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [score(model, order) for order in ([(without, y), (asking, y)], [(asking, y), (without, y)])]
    whole = score(model, torch.cat([without, asking]), torch.cat([y, y]))
    assert close(found[0], whole)
    assert close(found[1], whole)


@pytest.mark.parametrize("name", OF_DATA)
def test_several_batches_must_say_how_many_they_hold(name):
    spans = [(torch.ones(2, 6), {"start": LABELS[:2]})] * 2

    def loss(output, y):
        return nn.functional.cross_entropy(output, y["start"])

    message = "how many examples a batch holds cannot be told from labels that are a dict"
    if name == "obd":  # which takes the examples one by one
        return
    with pytest.raises(TypeError, match=message):
        sl.criteria.named(name)(TwoHeads(), spans, loss=loss)
    sl.criteria.named(name)(TwoHeads(), spans, loss=loss, examples=lambda x, y: 2)


@pytest.mark.parametrize("how", HIDING)
def test_the_gradient_alone_sees_into_a_hidden_block(how):
    expected = sl.criteria.gradient(Net(), *batch())
    model = Net(HIDING[how], "all")
    assert close(sl.criteria.gradient(model, *batch()), expected)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("place", ["first", "middle"])
@pytest.mark.parametrize("name", SECOND)
def test_a_second_derivative_says_that_it_cannot_see_into_one(name, place):
    model = Net(HIDING["reversible"], place)
    with pytest.raises(ValueError, match=rf"the gradient of '{place}.0.weight' is taken"):
        sl.criteria.named(name)(model, *batch())
    assert all(p.grad is None for p in model.parameters())
    plain, other = Net(), Net(HIDING["other checkpointing"], place)
    assert close(sl.criteria.named(name)(other, *batch()), sl.criteria.named(name)(plain, *batch()))


def test_no_temperature_divides_a_dict():
    class Dict(nn.Linear):
        def forward(self, x):
            return {"logits": super().forward(x)}

    with pytest.raises(TypeError, match="the model returned a dict .logits., which no temperature divides"):
        sl.criteria.grasp(Dict(6, 3), *batch(), loss=lambda o, y: nn.functional.cross_entropy(o["logits"], y))
