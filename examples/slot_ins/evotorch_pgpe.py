"""PGPE of EvoTorch learns CartPole: a Problem with a vectorised fitness.

    python examples/slot_ins/evotorch_pgpe.py

Needs `pip install evotorch`.
"""

import numpy as np
import torch
from evotorch import Problem
from evotorch.algorithms import PGPE
from evotorch.logging import StdOutLogger
from numpy.typing import NDArray

from evalengine import Policy, evaluate

POLICY = Policy("mlp:4-16-2")


def fitness(weights: torch.Tensor) -> torch.Tensor:
    """Return (P,) float32; `weights` is a ReadOnlyTensor (P, D)."""
    return torch.from_numpy(evaluate("CartPole-v1", weights, POLICY, episodes=8).fitness)


def learn(generations: int = 40) -> NDArray[np.float32]:
    """Return the weights (D,) of the centre of the search distribution."""
    bounds = (-0.1, 0.1)
    problem = Problem("max", fitness, vectorized=True, solution_length=POLICY.n_params, initial_bounds=bounds, seed=0)
    searcher = PGPE(problem, popsize=64, center_learning_rate=0.2, stdev_learning_rate=0.1, stdev_init=0.3)
    StdOutLogger(searcher)
    searcher.run(generations)
    return np.asarray(searcher.status["center"])


if __name__ == "__main__":
    best = learn()
    print("mean of 100 fresh episodes:", evaluate("CartPole-v1", best, POLICY, seeds=range(1000, 1100)).fitness[0])
