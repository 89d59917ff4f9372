"""neat-python's populations in the engine: `evalengine.neat.policy(config)`.

    policy = evalengine.neat.policy(config)

    def eval_genomes(genomes, config):
        evalengine.neat.assign(genomes, evalengine.evaluate("CartPole-v1", genomes, policy, episodes=4).fitness)

Every genome plays as neat-python 2.0.0's `FeedForwardNetwork.create(genome, config).activate` would have it, or
`RecurrentNetwork` where `feed_forward = False`, to the bit. neat-python is not imported: what is looked at are the
attributes of its objects. Depends on policies.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evalengine.errors import InputError
from evalengine.messages import kind, named
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import ACTIVATIONS, AGGREGATIONS

__all__ = ["assign", "policy"]


def policy(
    config: Any, *, net: str | None = None, inputs: str = "array", sum: str | None = None, head: str | None = None
) -> GraphPolicy:
    """Return the policy of a configuration of neat-python.

    Args:
        config: a `neat.Config`, or its `genome_config`.
        net: "feedforward" or "recurrent"; None is what the configuration's `feed_forward` says.
        inputs: see `GraphPolicy`.
        sum: see `GraphPolicy`; None is what the running Python does.
        head: see `GraphPolicy`.

    Raises:
        InputError: it is no such configuration, or has functions of its own under the names of neat-python's.
    """
    genome_config = getattr(config, "genome_config", config)
    try:
        n_inputs, n_outputs = int(genome_config.num_inputs), int(genome_config.num_outputs)
        keys = list(genome_config.input_keys), list(genome_config.output_keys)
        is_feed_forward = bool(genome_config.feed_forward)
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"config: expected a neat.Config, got {kind(config)}") from None
    if keys != ([-1 - i for i in range(n_inputs)], list(range(n_outputs))):
        raise InputError("config: expected the keys -1, -2, ... for inputs and 0, 1, ... for outputs, got others")
    _check_functions(genome_config, "activation_defs", "activations", ACTIVATIONS)
    _check_functions(genome_config, "aggregation_function_defs", "aggregations", AGGREGATIONS)
    chosen = net or ("feedforward" if is_feed_forward else "recurrent")
    return GraphPolicy.from_sizes(n_inputs, n_outputs, net=chosen, inputs=inputs, sum=sum, head=head)


def assign(genomes: Iterable[Any], fitness: ArrayLike) -> None:
    """Set `genome.fitness` of genomes, or of (id, genome), to the numbers (P,) in their order, as Python floats.

    Raises:
        InputError: there are not as many numbers as genomes.
    """
    listed = list(genomes)
    numbers = np.asarray(fitness, np.float64)
    if numbers.shape != (len(listed),):
        raise InputError(f"fitness: expected shape ({len(listed)},), one for each genome, got {numbers.shape}")
    for one, number in zip(listed, numbers.tolist(), strict=True):
        genome = one[1] if isinstance(one, tuple) else one
        genome.fitness = number


def _check_functions(genome_config: Any, definitions: str, module: str, names: tuple[str, ...]) -> None:
    """Refuse a user's function under a name of neat-python's; under its own name it is refused where it is used."""
    functions = getattr(getattr(genome_config, definitions, None), "functions", {})
    for name in names:
        function = functions.get(name)
        if function is None:
            continue
        own = f"{name}_{module.removesuffix('s')}"
        if (getattr(function, "__module__", None), getattr(function, "__name__", None)) != (f"neat.{module}", own):
            raise InputError(f"config: {module}: expected neat-python's own function for {name}, got {named(function)}")
