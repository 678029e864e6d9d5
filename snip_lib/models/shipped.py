"""Small networks that ship with their trained weights: pruned once by SNIP, before training, and trained on MNIST."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from snip_lib.data.readers import shipped
from snip_lib.models.lenet import lenet_300_100

NETWORK = "lenet-300-100"
SPARSITIES = (0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True)
class Trained:
    """A network that ships. model: in eval mode, its pruned weights exactly 0, its biases all 0.

    test_error: as a share, over MNIST's 10,000 test digits, as it was measured when the file was made. run: the name of
    the run that made it, by which its record is found.
    """

    model: nn.Module
    test_error: float
    run: str


def trained(sparsity: float) -> Trained:
    """LeNet-300-100 with `sparsity` of its connections pruned, one of 0.9, 0.95, 0.98 and 0.99.

    Scored with a hundred digits and trained for 15,000 iterations (the ordinary run of the controls, profile `laptop`,
    seed 0). Raises ValueError for another sparsity, DataError when the file is missing or damaged.

    >>> net = trained(0.98)
    >>> sum(int(parameter.count_nonzero()) for parameter in net.model.parameters())
    5332
    """
    if sparsity not in SPARSITIES:
        raise ValueError(
            f"no trained network with {sparsity} pruned ships; there are {', '.join(map(str, SPARSITIES))}"
        )
    kept = shipped("models", file_name(sparsity))
    with torch.device("meta"):  # where no weights are drawn
        model = lenet_300_100((1, 28, 28), 10)
    model = model.to_empty(device="cpu")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.zero_()
            parameter.view(-1)[torch.from_numpy(kept[f"{name} at"]).long()] = torch.from_numpy(kept[f"{name} value"])
    return Trained(model.eval(), float(kept["test_error"]), str(kept["run"]))


def file_name(sparsity: float) -> str:
    """The name of a network's file in data/models."""
    return f"{NETWORK}-{100 * sparsity:g}"


def packed(model: nn.Module) -> dict[str, np.ndarray]:
    """Of each parameter the flat places that are not 0 (int32), rising, and the values there (float32)."""
    found = {}
    for name, parameter in model.named_parameters():
        flat = parameter.detach().cpu().reshape(-1)
        at = flat.nonzero().squeeze(1)
        found |= {f"{name} at": at.to(torch.int32).numpy(), f"{name} value": flat[at].to(torch.float32).numpy()}
    return found
