"""A policy's steps as modules of PyTorch, which has one for each but the sum with what was before; that one is here.

Depends on steps, tokens, torch_activations and torch_cells; torch is imported inside functions only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evalengine.policies.steps import Step
from evalengine.policies.tokens import ADD, MEAN, SKIP, Convolution, Norm, Pool, Recurrent
from evalengine.policies.torch_activations import activation_module
from evalengine.policies.torch_cells import cell_module

if TYPE_CHECKING:
    from torch import Tensor, nn


def modules_of(steps: Sequence[Step]) -> list[nn.Module]:
    """Return the modules of all steps, on the CPU, in float32, with weights that are still to be set."""
    blocks: list[list[nn.Module]] = [[]]
    for step in steps:
        if step.token == SKIP:
            blocks.append([])
            continue
        block = _residual(blocks.pop()) if step.token == ADD else _module(step)
        blocks[-1].append(block)
    return blocks[0]


def _module(step: Step) -> nn.Module:
    import torch
    from torch import nn

    # Whatever the defaults are here; and PyTorch's random stream stays where it is.
    options: dict[str, Any] = {"device": "cpu", "dtype": torch.float32}
    uninitialised: Any = torch.nn.utils.skip_init
    token = step.token
    made: nn.Module
    if isinstance(token, int):
        made = uninitialised(nn.Linear, step.input_shape[0], token, bias=step.has_bias, **options)
    elif isinstance(token, Convolution):
        channels, (out_channels, *sizes) = step.input_shape[0], token
        made = uninitialised(nn.Conv2d, channels, out_channels, *sizes, bias=step.has_bias, **options)
    elif isinstance(token, Recurrent):
        made = cell_module(token.cell, step.input_shape[0], token.hidden, bias=step.has_bias, options=options)
    elif isinstance(token, Norm):
        made = nn.LayerNorm(step.input_shape, token.eps, token.has_weight, bias=token.has_bias, **options)
    elif isinstance(token, Pool) and token.kind == "mp":
        made = nn.MaxPool2d(token.kernel, token.stride, token.padding)
    elif isinstance(token, Pool):
        made = nn.AvgPool2d(token.kernel, token.stride, token.padding, count_include_pad=token.counts_padding)
    elif isinstance(token, str):
        made = activation_module(token)
    elif token == MEAN:
        made = nn.AdaptiveAvgPool2d(1)
    else:
        made = nn.Flatten()
    return made


def _residual(modules: list[nn.Module]) -> nn.Module:
    from torch import nn

    class Residual(nn.Sequential):
        """The sum of what it is given and what its modules make of that, one after the other."""

        def forward(self, inputs: Tensor) -> Tensor:
            outputs = inputs
            for module in self:
                outputs = module(outputs)
            return inputs + outputs

        def __reduce__(self) -> tuple[Any, ...]:
            # A class inside a function has no name that pickle could find.
            return _residual, (list(self),)

    return Residual(*modules)
