"""The policy of a population of graphs, with the way to a file; what it is stands in `graph_form`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from evalengine.policies.graph_form import GraphForm

if TYPE_CHECKING:
    from evalengine.policies.setting import SettingOptions


@dataclass(frozen=True, init=False, repr=False)
class GraphPolicy(GraphForm):
    """What every graph of a population is, by its spec, such as "neat:4-2" or "neat:24-4,net=recurrent".

    Attributes:
        n_inputs: how many numbers an observation has; a graph's inputs are -1, -2, ...
        n_outputs: how many outputs a graph has; they are its nodes 0, 1, ...
        net: "feedforward" or "recurrent"; a recurrent graph forgets everything when an episode begins.
        inputs: "array" is `activate(observation)`, whose float32 numbers stay float32 in products with Python floats
            (NumPy 2); "list" is `activate(observation.tolist())`.
        sum: "compensated" (Python 3.12 and newer) or "plain" (3.11): how `sum` adds Python floats.
        head: "argmax", "above:0.5", "clip", "tanh" or "scale"; None is the one that suits the environment: argmax,
            above:0.5 for one output and two actions, clip for a Box.
    """

    def save(
        self,
        path: str | os.PathLike[str],
        graphs: Any,
        env_id: str | None = None,
        **options: Unpack[SettingOptions],
    ) -> None:
        """Write graphs, and what they are for, to .npz; see `save_weights`.

        Raises:
            InputError: something does not fit the policy or the environment.
            OutputError: a file cannot be written; what was there is kept.
        """
        from evalengine.policies.saving import save_weights

        save_weights(path, graphs, policy=self, env_id=env_id, **options)
