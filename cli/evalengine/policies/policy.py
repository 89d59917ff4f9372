"""The policy: one individual's network, spelled once, checked once.

    >>> policy = Policy("mlp:4-64-2")
    >>> policy.n_params
    450
    >>> population = policy.init(population=256, seed=0)
    >>> population.shape
    (256, 450)

A Policy is a value: frozen, hashable, equal if spelled equally, cheap to send to a worker. Its weights live outside, as
one flat float32 vector in the order of `torch.nn.utils.parameters_to_vector` for the equivalent nn.Sequential: weight,
then bias, layer by layer. What it is stands in `architecture`; here are the ways from and to modules, state dicts and
files. Depends on architecture, and inside functions on what converts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import weight_array
from evalengine.policies.architecture import Architecture

if TYPE_CHECKING:
    from torch import nn

    from evalengine.policies.population import Weights
    from evalengine.policies.setting import SettingOptions


@dataclass(frozen=True, init=False, repr=False)
class Policy(Architecture):
    """An architecture by its spelling, such as "mlp:4-64-2" or "cnn:5x12x12-16k3-32k3-64-4,head=clip".

    Attributes:
        arch: "mlp" or "cnn".
        input_shape: (inputs,) for mlp; (channels, height, width) for cnn.
        chain: all parts, first to last, as `tokens` has them.
        convolutions: the convolutions of a cnn, first to last.
        sizes: the outputs of the fully connected layers, first to last.
        activations: of every convolution and fully connected layer but the last, first to last: names of
            `torch.nn.functional`, with parameters that differ from PyTorch's defaults after colons, "leaky_relu:0.2".
        output_activation: after the last layer; "identity" is none.
        biases: whether each layer has biases, first to last.
        head: how logits become Box actions: "tanh" scales tanh(z) to the bounds, "clip" clips z to them.
    """

    def to_state_dict(
        self, vector: ArrayLike, like: Mapping[str, ArrayLike] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return the tensors of one individual by the names of `to_torch`, or of the state dict `like`."""
        from evalengine.policies.state_dicts import to_state_dict

        return to_state_dict(self, vector, like)

    def from_state_dict(self, state_dict: Mapping[str, ArrayLike], prefix: str = "") -> NDArray[np.float32]:
        """Return the flat vector (D,) of a state dict, under any names; see `state_dicts.from_state_dict`."""
        from evalengine.policies.state_dicts import from_state_dict

        return from_state_dict(self, state_dict, prefix)

    def flatten(self, individuals: Weights) -> NDArray[np.float32]:
        """Return modules, state dicts or vectors as `evaluate` sees them: (D,) for one, (P, D) for a list of them.

        Raises:
            InputError: one of them does not fit the policy; the message says which.
        """
        from evalengine.policies.population import flat_weights

        return weight_array(flat_weights(self, individuals), self, self.n_params)

    @classmethod
    def from_torch(cls, module: nn.Module, observation_shape: tuple[int, ...] | None = None) -> Self:
        """Return the policy that a PyTorch module is, by what it does when it is called; `flatten` reads its weights.

        The flat vector is `torch.nn.utils.parameters_to_vector` of the equivalent nn.Sequential (`to_torch`): weight,
        bias, layer by layer, as they run. A module that registers them in another order (after `prune.remove` and
        `remove_weight_norm` the weight stands behind the bias; layers may be called in another order than assigned)
        gives another order for its own `parameters_to_vector`: `flatten` is right for all of them.

        Read are Linear, Conv2d, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d(1), LayerNorm, every activation of
        `activations.DEFAULTS`, Flatten, Identity, dropout in eval mode and sums x + f(x), as layers and as functions
        (`F.linear` with parameters, `torch.tanh`, `x.relu()`, `x.clamp(min=0)`, `F.max_pool2d`, `x.mean((2, 3))`,
        `torch.flatten(x, 1)`, `x.view(x.size(0), -1)`), in nn.Sequential or in a `forward`; hooks, torch.compile and
        overridden calls are part of what is read. `forward` is called once on a stand-in for any float32 batch, without
        values, and then on random observations beside the equivalent nn.Sequential, where every bit has to be equal;
        weights and attributes are as before afterwards. No other thread may call a module with a `forward` of its own
        meanwhile.

        Args:
            module: the network, on any device, in any floating dtype, in the mode (`eval()`) in which it plays.
            observation_shape: (channels, height, width) of one observation, as the module sees it; a module with
                convolutions needs it, one without may leave it out: a batch then has two axes.

        Raises:
            InputError: a layer or an operation that no policy has, named with its place; sizes that do not fit; what
                depends on values (`if x.max() > 10`), or cannot be read for another reason.
            MissingDependencyError: torch is not installed.
        """
        from evalengine.policies.torch_modules import from_torch

        return cls(from_torch(module, observation_shape))

    def to_torch(self, vector: ArrayLike) -> nn.Sequential:
        """Return the equivalent nn.Sequential on the CPU, holding a copy of the weights of one individual (D,).

        Raises:
            InputError: the vector does not have the policy's number of parameters.
            MissingDependencyError: torch is not installed.
        """
        from evalengine.policies.torch_modules import to_torch

        return to_torch(self, vector)

    def save(
        self,
        path: str | os.PathLike[str],
        weights: Weights,
        env_id: str | None = None,
        **options: Unpack[SettingOptions],
    ) -> None:
        """Write weights, and what they are for, to .npy, .npz or .safetensors; see `save_weights`.

        Args:
            path: the file.
            weights: what `evaluate` takes.
            env_id: the environment.
            options: what the policy plays in: env_kwargs, reset_options, observation, max_episode_steps, normalize.

        Raises:
            InputError: something does not fit the policy or the environment.
            OutputError: a file cannot be written; what was there is kept.
        """
        from evalengine.policies.saving import save_weights

        save_weights(path, weights, policy=self, env_id=env_id, **options)
