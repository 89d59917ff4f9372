"""NEAT, by neat-python, learns CartPole.

    python examples/slot_ins/neat_python.py

Needs `pip install neat-python`, and neat_python.ini, which lies beside it. Where its examples have `ParallelEvaluator`
or a loop over genomes, here is one call: genomes go in as `eval_genomes` gets them.
"""

import random
from pathlib import Path
from typing import Any

import neat

import evalengine

CONFIG = neat.Config(
    neat.DefaultGenome,
    neat.DefaultReproduction,
    neat.DefaultSpeciesSet,
    neat.DefaultStagnation,
    str(Path(__file__).with_suffix(".ini")),
)
POLICY = evalengine.neat.policy(CONFIG)


def eval_genomes(genomes: list[tuple[int, Any]], config: Any) -> None:
    """Set the fitness of (id, genome): the mean return of 32 episodes."""
    fitness = evalengine.evaluate("CartPole-v1", genomes, POLICY, episodes=32).fitness
    evalengine.neat.assign(genomes, fitness)


def learn(generations: int = 100) -> Any:
    """Return the best genome; it ends as soon as one balances the pole in all episodes."""
    random.seed(0)
    population = neat.Population(CONFIG)
    population.add_reporter(neat.StdOutReporter(False))
    return population.run(eval_genomes, generations)


if __name__ == "__main__":
    best = learn()
    fitness = evalengine.evaluate("CartPole-v1", best, POLICY, seeds=range(1000, 1100)).fitness[0]
    print("mean of 100 fresh episodes:", fitness)
