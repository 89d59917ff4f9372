"""CMA-ME of pyribs finds many ways to land: the LunarLander example of its documentation, in seconds.

    python examples/slot_ins/pyribs_lunar_lander.py

Needs `pip install ribs`. The policy is linear, the return the objective, and the measures are x position and y velocity
at the first impact; of a lander that never touches the ground, the last x position and the fastest fall.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from ribs.archives import GridArchive
from ribs.emitters import EvolutionStrategyEmitter
from ribs.schedulers import Scheduler

from evalengine import Policy, evaluate

POLICY = Policy("mlp:8-4,bias=0")
MEASURES = {
    "first(x) where leg_contact else last(x)": (-1.0, 1.0),
    "first(y_velocity) where leg_contact else min(y_velocity)": (-3.0, 0.0),
}

Ranges = Mapping[str, tuple[float, float]]


def illuminate(env_id: str, policy: Policy, measures: Ranges, iterations: int, seeds: Sequence[int]) -> GridArchive:
    """Return the archive of the best weights in each of 50 x 50 cells of two measures, given with their ranges."""
    size, ranges = policy.n_params, list(measures.values())
    archive = GridArchive(solution_dim=size, dims=[50, 50], ranges=ranges, qd_score_offset=-600)
    emitters = [
        EvolutionStrategyEmitter(archive, x0=np.zeros(size), sigma0=1.0, ranker="2imp", batch_size=30, seed=number)
        for number in range(5)
    ]
    scheduler = Scheduler(archive, emitters)
    for iteration in range(iterations):
        result = evaluate(env_id, scheduler.ask(), policy, seeds=seeds, descriptors=list(measures))
        scheduler.tell(result.fitness, result.descriptors.mean(axis=1))
        print(f"iteration {iteration:3}  cells {len(archive):4}  best {archive.stats.obj_max:6.1f}")
    return archive


if __name__ == "__main__":
    best = illuminate("LunarLander-v3", POLICY, MEASURES, 100, [52]).best_elite["solution"]
    print("return of the best:", evaluate("LunarLander-v3", best, POLICY, seeds=[52]).fitness[0])
