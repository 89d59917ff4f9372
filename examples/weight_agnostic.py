"""Networks whose structure alone plays: weight-agnostic, after Gaier and Ha (2019), in NumPy.

    python examples/weight_agnostic.py [--generations 60]

One topology has one weight for all its connections, and is judged by how it plays with each of six. Topologies evolve
by new connections, new nodes and other activations; there is no library: individuals are `evalengine.Graph`, whose
arrays are all that an own NEAT has to make.
"""

import argparse
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evalengine import Graph, GraphPolicy, evaluate

POLICY = GraphPolicy("neat:4-1,head=above:0")
WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
ACTIVATIONS = ("identity", "tanh", "gauss", "abs", "sin", "relu")
POPULATION, EPISODES = 96, 4


@dataclass
class Topology:
    """Nodes with their activations (0 is the output) and connections; each connection goes to a node that comes later.

    `place` orders the nodes: the output last.
    """

    activations: dict[int, str] = field(default_factory=lambda: {0: "identity"})
    place: dict[int, float] = field(default_factory=lambda: {0: 1.0})
    connections: list[tuple[int, int]] = field(default_factory=list)

    def with_weight(self, weight: float) -> Graph:
        """Return the network in which every connection has this weight."""
        nodes = list(self.activations)
        return Graph(nodes, list(self.activations.values()), 0.0, self.connections, weight)

    def mutated(self, draw: np.random.Generator) -> "Topology":
        """Return a copy with a new connection, a new node, or another activation."""
        child = Topology(dict(self.activations), dict(self.place), list(self.connections))
        kind = draw.random()
        if kind < 0.25 and child.connections:
            source, target = child.connections.pop(int(draw.integers(len(child.connections))))
            node = max(child.activations) + 1
            child.activations[node] = str(draw.choice(ACTIVATIONS))
            child.place[node] = (child.place.get(source, 0.0) + child.place[target]) / 2
            child.connections += [(source, node), (node, target)]
        elif kind < 0.5:
            node = int(draw.choice(list(child.activations)))
            child.activations[node] = str(draw.choice(ACTIVATIONS))
        else:
            target = int(draw.choice(list(child.activations)))
            sources = [-1, -2, -3, -4, *(node for node in child.place if child.place[node] < child.place[target])]
            ends = int(draw.choice(sources)), target
            if ends not in child.connections:
                child.connections.append(ends)
        return child


def returns(topologies: list[Topology], seeds: range) -> NDArray[np.float64]:
    """Return (P, 6): the mean return of each topology with each weight."""
    graphs = [topology.with_weight(weight) for topology in topologies for weight in WEIGHTS]
    fitness = evaluate("CartPole-v1", graphs, POLICY, seeds=seeds).fitness
    return fitness.reshape(len(topologies), len(WEIGHTS)).astype(np.float64)


def learn(generations: int, seed: int = 0) -> tuple[Topology, NDArray[np.float64]]:
    """Return the best topology, and what it reached with each weight in 100 fresh episodes."""
    draw = np.random.default_rng(seed)
    population = [Topology().mutated(draw) for _ in range(POPULATION)]
    for generation in range(generations):
        found = returns(population, range(EPISODES * generation, EPISODES * (generation + 1)))
        # As in the paper: the mean over all weights, now and then the best one; fewer connections break ties.
        score = found.mean(axis=1) if draw.random() < 0.8 else found.max(axis=1)
        sizes = [len(topology.connections) for topology in population]
        ranked = [population[index] for index in np.lexsort((sizes, -score))]
        print(f"generation {generation}: best mean over weights {found.mean(axis=1).max():.0f}, best {found.max():.0f}")
        parents = ranked[: POPULATION // 4]
        children = [parents[int(draw.integers(len(parents)))].mutated(draw) for _ in range(POPULATION - 8)]
        population = ranked[:8] + children
    fresh = returns(population[:8], range(10**6, 10**6 + 100))
    best = int(fresh.mean(axis=1).argmax())
    return population[best], fresh[best]


def main() -> None:
    """Parse, learn, print."""
    parser = argparse.ArgumentParser(description="Weight-agnostic networks learn CartPole.")
    parser.add_argument("--generations", type=int, default=60, help="(default: 60)")
    options = parser.parse_args()
    best, fresh = learn(options.generations)
    print(f"{len(best.activations)} nodes, {len(best.connections)} connections: {best.connections}")
    for weight, number in zip(WEIGHTS, fresh, strict=True):
        print(f"weight {weight:+}: mean of 100 fresh episodes {number:.1f}")
    print(f"mean over the weights: {fresh.mean():.1f}")


if __name__ == "__main__":
    main()
