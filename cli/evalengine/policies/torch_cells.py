"""Policies with recurrent cells as PyTorch modules: a chain that takes what its cells remember, and gives it back.

    module = policy.to_torch(vector)
    outputs, state = module(observations)          # the first step of an episode
    outputs, state = module(observations, state)   # the next one

The state is a tuple of what PyTorch's cells take and give, one item for each cell, first to last: h (B, hidden size),
or (h, c) of an LSTMCell. Depends on cells; torch is imported inside functions only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


def cell_module(cell: str, inputs: int, hidden: int, *, bias: bool, options: dict[str, Any]) -> nn.Module:
    """Return PyTorch's cell by its name in spellings, such as "rnn_relu", with weights that are not set."""
    from torch import nn

    makers: dict[str, tuple[Any, dict[str, str]]] = {
        "rnn": (nn.RNNCell, {"nonlinearity": "tanh"}),
        "rnn_relu": (nn.RNNCell, {"nonlinearity": "relu"}),
        "gru": (nn.GRUCell, {}),
        "lstm": (nn.LSTMCell, {}),
    }
    maker, chosen = makers[cell]
    uninitialised: Any = nn.utils.skip_init
    module: nn.Module = uninitialised(maker, inputs, hidden, bias=bias, **chosen, **options)
    return module


def recurrent_module(layers: Iterable[nn.Module]) -> nn.Sequential:
    """Return layers, some of them cells, as one module with `forward(observations, state=None)`."""
    from torch import nn

    class Recurrent(nn.Sequential):
        """A chain of layers with recurrent cells: `forward` gives the outputs and the state for the next step."""

        def forward(self, inputs: Tensor, state: Any = None) -> Any:
            before = iter(()) if state is None else iter(state)
            after = []
            values: Any = inputs
            for layer in self:
                if isinstance(layer, nn.RNNCellBase):
                    remembered = layer(values, next(before, None))
                    after.append(remembered)
                    values = remembered[0] if isinstance(remembered, tuple) else remembered
                else:
                    values = layer(values)
            return values, tuple(after)

        def __reduce__(self) -> tuple[Any, ...]:
            # A class inside a function has no name that pickle could find.
            return recurrent_module, (list(self),)

    return Recurrent(*layers)
