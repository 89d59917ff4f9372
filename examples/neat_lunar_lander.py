"""NEAT learns to land: neat-python evolves networks for LunarLander, evalengine plays their episodes.

    python examples/neat_lunar_lander.py [--generations 200] [--out lander.npz]
    evalengine replay lander.npz --video lander.mp4
    evalengine draw lander.npz lander.svg

Needs `pip install 'evalengine[neat]'`. The configuration is neat_lunar_lander.ini, as neat-python reads it. Every
generation plays seeds of its own, so that nothing is learnt by heart; the best of each is judged again on others.
"""

import argparse
import random
from pathlib import Path
from typing import Any

import neat
import numpy as np

import evalengine

ENV = "LunarLander-v3"
EPISODES = 10
FRESH = range(10**6, 10**6 + 50)


class Lander:
    """What a run keeps: the policy, how many generations there were, and the best genome on fresh episodes."""

    def __init__(self, config: Any) -> None:
        self.policy = evalengine.neat.policy(config)
        self.generation = 0
        self.best: Any = None
        self.best_return = -np.inf

    def eval_genomes(self, genomes: list[tuple[int, Any]], config: Any) -> None:
        """Set the fitness of (id, genome), and look at the best one again."""
        first = 1000 * self.generation
        fitness = evalengine.evaluate(ENV, genomes, self.policy, seeds=range(first, first + EPISODES)).fitness
        evalengine.neat.assign(genomes, fitness)
        champion = genomes[int(fitness.argmax())][1]
        again = float(evalengine.evaluate(ENV, champion, self.policy, seeds=FRESH).fitness[0])
        if again > self.best_return:
            self.best, self.best_return = champion, again
        nodes, connections = champion.size()
        print(
            f"generation {self.generation}: best {fitness.max():.0f}, mean {fitness.mean():.0f}, on fresh episodes "
            f"{again:.0f}; {nodes} nodes, {connections} connections"
        )
        self.generation += 1


def learn(generations: int, seed: int) -> Lander:
    """Evolve, and return what was found."""
    random.seed(seed)
    config = neat.Config(
        neat.DefaultGenome,
        neat.DefaultReproduction,
        neat.DefaultSpeciesSet,
        neat.DefaultStagnation,
        str(Path(__file__).with_suffix(".ini")),
    )
    lander = Lander(config)
    neat.Population(config).run(lander.eval_genomes, generations)
    return lander


def main() -> None:
    """Parse, learn, write the best genome."""
    parser = argparse.ArgumentParser(description="NEAT learns LunarLander.")
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("lander.npz"))
    options = parser.parse_args()
    lander = learn(options.generations, options.seed)
    lander.policy.save(options.out, lander.best, ENV)
    print(f"mean of {len(FRESH)} fresh episodes: {lander.best_return:.1f}; written to {options.out}")


if __name__ == "__main__":
    main()
