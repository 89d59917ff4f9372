"""Genomes that neat-python itself grows, generation by generation, and what its networks give for them.

    >>> grown = grow(seed=0, population=150, generations=20)                     # 3,000 (config, genome)

Every function of neat-python is among the nodes, some weights are large enough for squares and cubes to overflow, and
structures change in every generation. neat-python is imported by the functions. Depends on Graphs, whose
arrays can be made genomes.
"""

from __future__ import annotations

import functools
import math
import operator
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import MissingDependencyError
from evalengine.policies.graphs import ACTIVATIONS as KNOWN_ACTIVATIONS
from evalengine.policies.graphs import AGGREGATIONS as KNOWN_AGGREGATIONS
from evalengine.policies.graphs import Graphs

_CONFIG = """
[NEAT]
fitness_criterion = max
fitness_threshold = 1e9
pop_size = {population}
reset_on_extinction = True
no_fitness_termination = True

[DefaultGenome]
num_inputs = {inputs}
num_outputs = {outputs}
num_hidden = {hidden}
feed_forward = {feed_forward}
initial_connection = {connection}
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.7
conn_delete_prob = 0.3
node_add_prob = 0.4
node_delete_prob = 0.2
single_structural_mutation = False
structural_mutation_surer = default
activation_default = {activation}
activation_options = {activations}
activation_mutate_rate = {function_rate}
aggregation_default = {aggregation}
aggregation_options = {aggregations}
aggregation_mutate_rate = {function_rate}
bias_init_type = gaussian
bias_init_mean = 0.0
bias_init_stdev = 1.0
bias_max_value = {most}
bias_min_value = -{most}
bias_mutate_power = {power}
bias_mutate_rate = 0.7
bias_replace_rate = 0.1
response_init_type = gaussian
response_init_mean = 1.0
response_init_stdev = {response_stdev}
response_max_value = {most}
response_min_value = -{most}
response_mutate_power = {response_stdev}
response_mutate_rate = {response_rate}
response_replace_rate = 0.0
weight_init_type = gaussian
weight_init_mean = 0.0
weight_init_stdev = 1.0
weight_max_value = {most}
weight_min_value = -{most}
weight_mutate_power = {power}
weight_mutate_rate = 0.8
weight_replace_rate = 0.1
enabled_default = True
enabled_mutate_rate = 0.1

[DefaultSpeciesSet]
compatibility_threshold = 3.0

[DefaultStagnation]
species_fitness_func = max
max_stagnation = 20
species_elitism = 1

[DefaultReproduction]
elitism = 1
survival_threshold = 0.5
min_species_size = 1
"""

ACTIVATIONS = tuple(
    "abs clamped cube elu exp gauss hat identity inv lelu log relu selu sigmoid sin softplus square tanh".split()  # noqa: SIM905
)
AGGREGATIONS = ("max", "maxabs", "mean", "median", "min", "product", "sum")


class Kind(NamedTuple):
    """What a population of genomes is like."""

    is_recurrent: bool = False
    inputs: int = 4
    outputs: int = 2
    hidden: int = 3
    connection: str = "full_direct"
    activations: Sequence[str] = ACTIVATIONS
    aggregations: Sequence[str] = AGGREGATIONS
    most: float = 30.0
    power: float = 0.5


def require_neat() -> None:
    """Refuse to go on without neat-python.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import neat  # noqa: F401
    except ImportError:
        raise MissingDependencyError.of("neat-python", extra="neat") from None


def configuration(kind: Kind, population: int) -> Any:
    """Return the `neat.Config` of a kind of genomes."""
    import neat

    is_usual = len(kind.activations) == 1
    text = _CONFIG.format(
        population=population,
        inputs=kind.inputs,
        outputs=kind.outputs,
        hidden=kind.hidden,
        feed_forward=not kind.is_recurrent,
        connection=kind.connection,
        activation=kind.activations[0] if is_usual else "random",
        activations=" ".join(kind.activations),
        aggregation="sum" if list(kind.aggregations) == ["sum"] else "random",
        aggregations=" ".join(kind.aggregations),
        function_rate=0.0 if is_usual else 0.2,
        response_stdev=0.0 if is_usual else 0.5,
        response_rate=0.0 if is_usual else 0.3,
        most=kind.most,
        power=kind.power,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_text(text, encoding="utf-8")
        return neat.Config(
            neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, str(path)
        )


def grow(seed: int, kind: Kind, population: int, generations: int) -> tuple[Any, list[Any]]:
    """Return a configuration and the genomes of all generations, the youngest last.

    Parents are drawn at random; what they hand down is neat-python's: its new genomes, its crossover, its mutations,
    with its record of innovations. All of it draws from Python's `random`, whose state is given back.

    Raises:
        MissingDependencyError: neat-python is not installed.
    """
    require_neat()
    from neat.innovation import InnovationTracker

    config = configuration(kind, population)
    genome_config = config.genome_config
    genome_config.innovation_tracker = InnovationTracker()
    state = random.getstate()
    random.seed(seed)
    try:
        found = [_new(config, key) for key in range(population)]
        for genome in found:
            genome.configure_new(genome_config)
        while len(found) < population * generations:
            genome_config.innovation_tracker.reset_generation()
            parents = found[-population:]
            for _ in range(population):
                child = _new(config, len(found))
                child.configure_crossover(*random.sample(parents, 2), genome_config)
                child.mutate(genome_config)
                found.append(child)
    finally:
        random.setstate(state)
    return config, found


def _new(config: Any, key: int) -> Any:
    """Return an empty genome with a fitness, which crossover asks for."""
    genome = config.genome_type(key)
    genome.fitness = random.random()
    return genome


def compensated_sum(items: Sequence[Any]) -> Any:
    """Python 3.12's `sum`, in any Python: floats are added with compensation, up to the first other number."""
    items = list(items)
    total, lost, place = 0.0, 0.0, 0
    if not items:
        return 0
    while place < len(items) and type(items[place]) is float:
        x = items[place]
        added = total + x
        lost += (total - added) + x if abs(total) >= abs(x) else (x - added) + total
        total = added
        place += 1
    if lost and abs(lost) < float("inf"):
        total += lost
    return functools.reduce(operator.add, items[place:], total if place else 0)


def plain_sum(items: Sequence[Any]) -> Any:
    """Python 3.11's `sum`, in any Python."""
    return functools.reduce(operator.add, items, 0)


@contextmanager
def summing(how: str) -> Iterator[None]:
    """Let neat-python add as `how` says, "compensated" or "plain", where the running Python does otherwise."""
    import neat.aggregations
    import neat.math_util

    own = "compensated" if sys.version_info >= (3, 12) else "plain"
    modules: list[Any] = [neat.aggregations, neat.math_util]
    if how != own:
        for module in modules:
            module.sum = compensated_sum if how == "compensated" else plain_sum
    try:
        yield
    finally:
        if how != own:
            for module in modules:
                del module.sum


def network(genome: Any, config: Any) -> Any:
    """Return neat-python's network of a genome: the one that the configuration is for."""
    import neat

    kind = neat.nn.FeedForwardNetwork if config.genome_config.feed_forward else neat.nn.RecurrentNetwork
    return kind.create(genome, config)


def activated(genome: Any, config: Any, observations: Any) -> NDArray[np.float64]:
    """Return what `activate` gives for T observations in turn, (T, outputs); NaN where Python raises an error.

    Of a recurrent network everything after it is NaN, too.
    """
    net = network(genome, config)
    outputs = np.full((len(observations), len(config.genome_config.output_keys)), np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for row, observation in enumerate(observations):
            try:
                outputs[row] = [float(value) for value in net.activate(observation)]
            except OverflowError:
                # A feed-forward network computes every node anew; a recurrent one is left in the middle of a step.
                if not config.genome_config.feed_forward:
                    break
    return outputs


def episode(
    env: Any, genome: Any, config: Any, seed: int, choose: Callable[[list[Any]], Any], *, as_list: bool = False
) -> tuple[float, int]:
    """Return the return and the length of one episode, as users of neat-python play it.

    Args:
        env: of Gymnasium.
        genome: whose network plays.
        config: of the genome.
        seed: of the reset.
        choose: makes an action of what `activate` returns.
        as_list: whether `activate` is given the observation's `.tolist()`.
    """
    net = network(genome, config)
    observation, _ = env.reset(seed=seed)
    total, length, ended = 0.0, 0, False
    while not ended:
        outputs = net.activate(observation.tolist() if as_list else observation)
        observation, reward, terminated, truncated, _ = env.step(choose(outputs))
        total += float(reward)
        length += 1
        ended = terminated or truncated
    return total, length


def chooser(head: str, low: Sequence[float] = (), high: Sequence[float] = ()) -> Callable[[list[Any]], Any]:
    """Return what people make an action of: see `GraphPolicy.head`. Actions of a Box are cast to its float32."""
    name, _, bound = head.partition(":")
    bounds = list(zip(low, high, strict=True))
    if name == "argmax":
        return lambda outputs: int(np.argmax(outputs))
    if name == "above":
        return lambda outputs: 1 if outputs[0] > float(bound) else 0
    if name == "clip":
        return lambda outputs: np.clip(np.array(outputs, np.float64), low, high).astype(np.float32)

    def scaled(z: Any, low: float, high: float) -> float:
        if name == "tanh":
            return low + (math.tanh(z) + 1.0) * 0.5 * (high - low)
        return low + (high - low) * float(z)

    return lambda outputs: np.array([scaled(z, *own) for z, own in zip(outputs, bounds, strict=True)], np.float32)


def genomes_of(graphs: Graphs) -> list[Any]:
    """Return graphs as neat-python's genomes."""
    from neat.genes import DefaultConnectionGene, DefaultNodeGene
    from neat.genome import DefaultGenome

    found = []
    for key, graph in enumerate(graphs):
        genome = DefaultGenome(key)
        columns = (graph.nodes, graph.activations, graph.aggregations, graph.biases, graph.responses)
        for node, activation, aggregation, bias, response in zip(*(column.tolist() for column in columns), strict=True):
            gene = DefaultNodeGene(node)
            gene.activation, gene.aggregation = KNOWN_ACTIVATIONS[activation], KNOWN_AGGREGATIONS[aggregation]
            gene.bias, gene.response, gene.time_constant = bias, response, 1.0
            genome.nodes[node] = gene
        ends = zip(graph.sources.tolist(), graph.targets.tolist(), strict=True)
        own = zip(ends, graph.weights.tolist(), graph.enabled.tolist(), strict=True)
        for number, (between, weight, enabled) in enumerate(own):
            connection = DefaultConnectionGene(between, innovation=number)
            connection.weight, connection.enabled = weight, enabled
            genome.connections[between] = connection
        found.append(genome)
    return found


class Genomes:
    """The genomes of populations that were asked for: each is made once, as an algorithm has its own."""

    def __init__(self) -> None:
        # By where their weights lie, which prefixes of a population share; it is kept so that nothing else comes there.
        self._made: dict[tuple[int, int], tuple[Graphs, list[Any]]] = {}

    def of(self, graphs: Graphs) -> list[Any]:
        """Return the genomes of a population, or of the first of its individuals."""
        key = (graphs.weights.ctypes.data, len(graphs))
        if key not in self._made:
            self._made[key] = graphs, genomes_of(graphs)
        return self._made[key][1]
