"""CMA of nevergrad learns CartPole: an executor makes one batch of the jobs that it is given.

    python examples/slot_ins/nevergrad_cma.py

Needs `pip install nevergrad`.
"""

from typing import Any

import nevergrad as ng
import numpy as np
from nevergrad.optimization.utils import DelayedJob
from numpy.typing import NDArray

from evalengine import Policy, evaluate

POLICY = Policy("mlp:4-16-2")


class BatchExecutor:
    """For `minimize` of a function from many vectors to their losses: what is submitted waits for one call of it."""

    def __init__(self) -> None:
        self.batch: list[Any] = []

    def submit(self, function: Any, vector: Any) -> DelayedJob:
        """Return the job of one vector; the first job that is asked for its result does those of all."""
        self.batch.append(vector)
        batch, place = self.batch, len(self.batch) - 1
        return DelayedJob(lambda: self.evaluated(function, batch)[place])

    def evaluated(self, function: Any, batch: list[Any]) -> list[Any]:
        """Return the batch with the losses in the places of the vectors."""
        if batch is self.batch:  # still open: evaluate it, and begin another
            self.batch, batch[:] = [], function(batch)
        return batch


def losses(vectors: list[NDArray[np.float64]]) -> list[float]:
    """Return the mean returns, negated, because nevergrad minimises."""
    fitness = evaluate("CartPole-v1", vectors, POLICY, episodes=8).fitness
    print(f"batch of {len(vectors)}  mean {fitness.mean():6.1f}  best {fitness.max():6.1f}")
    return list(-fitness.astype(float))


def learn(generations: int = 40) -> NDArray[np.float64]:
    """Return the weights (D,) that the optimiser recommends."""
    start = ng.p.Array(init=np.zeros(POLICY.n_params)).set_mutation(sigma=0.5)
    start.random_state.seed(0)
    optimizer = ng.optimizers.CMA(start, budget=32 * generations, num_workers=32)
    return np.asarray(optimizer.minimize(losses, executor=BatchExecutor(), batch_mode=True).value)


if __name__ == "__main__":
    best = learn()
    print("mean of 100 fresh episodes:", evaluate("CartPole-v1", best, POLICY, seeds=range(1000, 1100)).fitness[0])
