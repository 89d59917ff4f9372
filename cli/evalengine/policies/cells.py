"""The recurrent cells that policies have: how they are spelled, and the parameters that PyTorch's cells have.

    >>> split_size("lstm32"), split_size("64")
    (('lstm', '32'), ('', '64'))
    >>> cell_shapes("gru", 8, 16, bias=True)
    {'weight_ih': (48, 8), 'weight_hh': (48, 16), 'bias_ih': (48,), 'bias_hh': (48,)}

A cell is spelled as its name before its hidden size, where a fully connected layer has the size alone; "" stands for
the latter. What a cell remembers is flat: its output h, then the cell state c of an LSTM; of several cells one after
the other. Depends on nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

LINEAR = ""

GATES: Final = {"rnn": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}
"""Name -> how many linear layers stand above each other in its weights; "rnn" has tanh, as nn.RNNCell by default."""

_CELL = re.compile(rf"({'|'.join(sorted(GATES, reverse=True))})(.*)")


def split_size(token: str) -> tuple[str, str]:
    """Return the cell of a layer's token, "" for a fully connected layer, and the rest, which is its size."""
    match = _CELL.fullmatch(token)
    return (match[1], match[2]) if match else (LINEAR, token)


def cell_shapes(cell: str, inputs: int, hidden: int, *, bias: bool) -> dict[str, tuple[int, ...]]:
    """Return the parameters of a cell by PyTorch's names, in the order of `parameters_to_vector`."""
    rows = GATES[cell] * hidden
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden)}
    return shapes | ({"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {})


def state_sizes(cells: Sequence[str], sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the sizes of what each cell remembers: (h,), or (h, c) of an LSTM."""
    pairs = zip(cells, sizes, strict=True)
    return [(size, size) if cell == "lstm" else (size,) for cell, size in pairs if cell != LINEAR]
