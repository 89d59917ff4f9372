"""CMA-ES of pycma learns CartPole.

    python examples/slot_ins/pycma_cma_es.py

Needs `pip install cma`. pycma minimises, so it is told -fitness.
"""

import cma
import numpy as np
from numpy.typing import NDArray

from evalengine import Policy, evaluate

POLICY = Policy("mlp:4-16-2")


def learn(generations: int = 30) -> NDArray[np.float64]:
    """Return the weights (D,) that CMA-ES believes in most: the mean of its search distribution."""
    es = cma.CMAEvolutionStrategy(np.zeros(POLICY.n_params), 0.5, {"popsize": 32, "seed": 1, "verbose": -9})
    for generation in range(generations):
        solutions = es.ask()  # a list of float64 vectors
        fitness = evaluate("CartPole-v1", solutions, POLICY, episodes=4, seeds=4 * generation).fitness
        es.tell(solutions, -fitness)
        print(f"generation {generation:3}  mean {fitness.mean():6.1f}  best {fitness.max():6.1f}")
    return np.asarray(es.result.xfavorite)


if __name__ == "__main__":
    best = learn()
    print("mean of 100 fresh episodes:", evaluate("CartPole-v1", best, POLICY, seeds=range(1000, 1100)).fitness[0])
