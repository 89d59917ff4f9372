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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import weight_array
from evalengine.errors import InputError
from evalengine.policies.architecture import Architecture

if TYPE_CHECKING:
    from torch import nn

    from evalengine.environments.normalization import Normalization
    from evalengine.environments.observation import ObservationLike
    from evalengine.policies.population import Weights
    from evalengine.policies.setting import SettingOptions
    from evalengine.policies.torch_player import Player


@dataclass(frozen=True, init=False, repr=False)
class Policy(Architecture):
    """An architecture by its spec, such as "mlp:4-64-2" or "cnn:5x12x12-16k3-32k3-64-4,head=clip".

    Attributes:
        arch: "mlp" or "cnn".
        input_shape: (inputs,) for mlp; (channels, height, width) for cnn.
        chain: all parts, first to last, as `tokens` has them.
        convolutions: the convolutions of a cnn, first to last.
        sizes: the outputs of the fully connected layers and recurrent cells, first to last.
        cells: of each of these which recurrent cell it is, "lstm", "gru", "rnn" (tanh) or "rnn_relu", or "" for none.
            Cells begin every episode with a state of zeros.
        activations: of every convolution, fully connected layer and cell but the last, first to last: names of
            `torch.nn.functional`, with parameters that differ from PyTorch's defaults after colons, "leaky_relu:0.2".
        output_activation: after the last layer; "identity" is none.
        biases: whether each layer has biases, first to last.
        head: how outputs z become actions. Of a Box, for all of them or, after slashes, for each: "tanh" scales tanh(z)
            to the bounds, "sigmoid" sigmoid(z); "clip" clips z to them; "raw" is z. Discrete: "argmax", as "tanh" too;
            "sample" draws with the probabilities softmax(z); "threshold:0.5" is 1 where z > 0.5, else 0.
        noise: standard deviations of Gaussian noise on the outputs of a Box, before the head, "0.1" or one for each,
            "0.1/0.2"; "log_std" where their logarithms are the first parameters; "" for none.
    """

    def to_state_dict(
        self, vector: ArrayLike, like: Mapping[str, ArrayLike] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return the tensors of one individual by the names of `to_torch`, or of the state dict `like`."""
        from evalengine.policies.state_dicts import to_state_dict

        return to_state_dict(self, vector, like)

    def from_state_dict(self, state_dict: Mapping[str, ArrayLike], prefix: str = "") -> NDArray[np.float32]:
        """Return the flat vector (D,) of a state dict, under any names, such as Stable-Baselines3's.

        Of a policy of Stable-Baselines3 and sb3-contrib (`model.policy.state_dict()` of PPO, A2C, TRPO, ARS, DQN, TD3,
        DDPG and SAC, MlpPolicy and CnnPolicy) the actor is taken, and what it needs no more is said and left out.

        Args:
            state_dict: arrays or tensors by name, in any order.
            prefix: take only what is called so, such as "actor."; the rest of the state dict is left alone.

        Raises:
            InputError: a name is missing or unknown, a shape or a dtype does not fit, or the order of layers that have
                one shape cannot be told.

        Warns:
            WeightsWarning: numbers are rounded to float32, or networks beside the actor are left out.
        """
        from evalengine.policies.state_dicts import from_state_dict

        return from_state_dict(self, state_dict, prefix)

    def from_arrays(
        self, arrays: Sequence[ArrayLike] | Mapping[str, Any], layout: str | None = None
    ) -> NDArray[np.float32]:
        """Return the flat vector (D,) of one individual's arrays, layer by layer.

        Args:
            arrays: [W1, b1, W2, b2, ...], which is Keras' `get_weights()`, too; or a mapping of names to them, with a
                kind (W, weight, kernel; b, bias) and a number each, in any order: {"W1": ..., "b1": ...}, what Flax
                has, or what `np.savez` calls arr_0, arr_1, .... A bias (n,) may be (1, n) or (n, 1).
            layout: "out_in" for matrices (out, in), which are PyTorch's; "in_out" for (in, out), which are Keras',
                Flax's and those of x @ W, with kernels of convolutions (height, width, in, out) and images that are
                flattened with their channels last, which are put into the order that PyTorch has. None takes the one
                that fits all shapes.

        Raises:
            InputError: an array is missing or too many, a shape or a dtype does not fit, names do not tell the order,
                or every matrix is square, so that the shapes leave the layout open; the message names the layer.

        Warns:
            WeightsWarning: numbers are rounded to float32.
        """
        from evalengine.policies.layer_arrays import from_arrays

        return from_arrays(self, arrays, layout)

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

        A module with LSTMCell, GRUCell or RNNCell is called as `forward(observations, state)` and returns the outputs
        and the next state, in the same places: of one cell h or (h, c), perhaps in a tuple, of several cells a tuple
        of these in the order of `module.modules()`. LSTM, GRU and RNN of one layer and one direction are taken as their
        cells, on sequences of one step (`x.unsqueeze(0)`, or 1 with batch_first); PyTorch's own bits of these differ.

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

    @overload
    def to_torch(self, vector: ArrayLike) -> nn.Sequential: ...

    @overload
    def to_torch(
        self,
        vector: ArrayLike,
        env_id: str,
        *,
        env_kwargs: Mapping[str, bool | int | float] | None = None,
        observation: ObservationLike | None = None,
        normalize: Normalization | None = None,
        actions: bool = False,
    ) -> Player: ...

    def to_torch(
        self,
        vector: ArrayLike,
        env_id: str | None = None,
        *,
        env_kwargs: Mapping[str, bool | int | float] | None = None,
        observation: ObservationLike | None = None,
        normalize: Normalization | None = None,
        actions: bool = False,
    ) -> nn.Sequential | Player:
        """Return the equivalent nn.Sequential on the CPU, holding a copy of the weights of one individual (D,).

        With recurrent cells it is called as `outputs, state = module(observations, state)`: the state is None before
        the first step of an episode, then a tuple with one item for each cell, first to last: h (B, hidden size), or
        (h, c) of an LSTMCell.

        It is the network alone, from what the policy sees to its outputs: it leaves out the division of bytes by 255,
        the channels put first, the normalisation, and how outputs become actions. With `env_id` all of this is in the
        module: `observe` and `policy`, and with `actions` also `act`. It takes observations as Gymnasium has them,
        a batch or one alone; `module.action(observation)` is what `env.step` takes.

        What happens outside of the module stays outside: the environment's wrappers (frame skip, gray scale, size,
        stack), its keyword arguments, reset options and time limit, and what is drawn: epsilon and sticky actions. A
        policy with head=sample or noise has no module of actions; one with noise=log_std gives an nn.Sequential with a
        parameter `log_std`. Bits are the engine's where PyTorch runs as in
        `parity`: one thread, and `MKL_CBWR=AVX2`, `ONEDNN_MAX_CPU_ISA=AVX2`, `ATEN_CPU_CAPABILITY=avx2` in the
        environment before Python starts. The module fills batches up to multiples of 32 for that.

        Args:
            vector: the weights of one individual.
            env_id: the environment, by full id or short name; it says what observations and actions are.
            env_kwargs: its keyword arguments.
            observation: the wrappers before it, as for `evaluate`.
            normalize: what observations are normalised with, as for `evaluate`.
            actions: from observations to actions, int64 (B,) or float32 (B, n) for a Box, not to outputs (B, n).

        Raises:
            InputError: the vector does not have the policy's number of parameters; something does not fit the
                environment, or needs one.
            MissingDependencyError: torch is not installed.
        """
        from evalengine.policies.torch_modules import import_torch, to_torch

        import_torch()
        if env_id is None:
            if actions is not False or any(option is not None for option in (env_kwargs, observation, normalize)):
                raise InputError(
                    "to_torch: expected env_id with env_kwargs, observation, normalize or actions: it says what "
                    "observations and actions are"
                )
            return to_torch(self, vector)
        from evalengine.policies.torch_player import to_player

        return to_player(
            self,
            vector,
            env_id,
            env_kwargs=env_kwargs,
            observation=observation,
            normalize=normalize,
            actions=actions,
        )

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
            options: what the policy plays in: env_kwargs, reset_options, observation, max_episode_steps, normalize,
                epsilon, sticky.

        Raises:
            InputError: something does not fit the policy or the environment.
            OutputError: a file cannot be written; what was there is kept.
        """
        from evalengine.policies.saving import save_weights

        save_weights(path, weights, policy=self, env_id=env_id, **options)
