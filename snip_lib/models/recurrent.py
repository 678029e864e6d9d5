"""LSTM and GRU networks that read an image row by row, laid out as the paper's counts imply."""

from functools import partial

import torch
from torch import Tensor, nn


class RowReader(nn.Module):
    """A recurrent network on the rows of an image: projection to h units, one recurrent layer of h, linear output.

    cell: `nn.LSTM` or `nn.GRU`; units: h, 128 in the paper's -s networks and 256 in its -b ones. The code was never
    published. Its counts need the projection with a bias, and one bias per gate where PyTorch's cells have two: the
    second, `bias_hh_l0`, is a frozen constant here, neither scored nor counted. It is 0, but for `forget_bias` in the
    LSTM's forget gate: TensorFlow's cell adds 1 there, and whether the authors' did is unknown.

    PyTorch's GRU resets the state after the recurrent product, n = tanh(W x + r * (U h)), where Cho et al. (2014) reset
    it before, n = tanh(W x + U (r * h)). (n, 1, 28, 28) -> (n, classes): 28 steps of 28 pixels.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        classes: int,
        *,
        cell: type[nn.LSTM] | type[nn.GRU],
        units: int,
        forget_bias: float = 0.0,
    ):
        super().__init__()
        if forget_bias and cell is not nn.LSTM:
            raise ValueError(f"forget_bias={forget_bias}: only an LSTM has a forget gate")
        channels, _, width = input_shape
        self.forget_bias = forget_bias
        self.project = nn.Linear(channels * width, units)
        self.cell = cell(units, units, batch_first=True)
        self.cell.bias_hh_l0.requires_grad_(False)
        self.reset_constants()
        self.fc = nn.Linear(units, classes)

    @torch.no_grad()
    def reset_constants(self) -> None:
        """Set the second bias, which nothing draws or trains; `initialize_` calls this when it has drawn the rest."""
        constants, units = self.cell.bias_hh_l0.zero_(), self.cell.hidden_size
        if self.forget_bias:  # PyTorch's order of gates: input, forget, candidate, output
            constants[units : 2 * units] = self.forget_bias

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, rows, width) -> (n, classes), from the state after the last row."""
        rows = x.transpose(1, 2).flatten(2)  # (n, rows, channels * width)
        states, _ = self.cell(self.project(rows))
        return self.fc(states[:, -1])


lstm = partial(RowReader, cell=nn.LSTM)
gru = partial(RowReader, cell=nn.GRU)
