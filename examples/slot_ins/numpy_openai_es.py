"""OpenAI-ES in plain NumPy learns CartPole.

    python examples/slot_ins/numpy_openai_es.py

Antithetic noise, centred ranks, steps of gradient ascent.
"""

import numpy as np
from numpy.typing import NDArray

from evalengine import Policy, evaluate

POLICY = Policy("mlp:4-16-2")


def learn(generations: int = 40, pairs: int = 32, sigma: float = 0.2, rate: float = 0.2) -> NDArray[np.float32]:
    """Return the weights (D,) of the mean of the search distribution."""
    random = np.random.default_rng(0)
    mean = np.zeros(POLICY.n_params, np.float32)
    for generation in range(generations):
        half = random.standard_normal((pairs, POLICY.n_params), dtype=np.float32)
        noise = np.concatenate([half, -half])
        fitness = evaluate("CartPole-v1", mean + sigma * noise, POLICY, episodes=4, seeds=4 * generation).fitness
        ranks = fitness.argsort().argsort() / (len(fitness) - 1) - 0.5
        mean += rate / (len(noise) * sigma) * (ranks @ noise).astype(np.float32)
        print(f"generation {generation:3}  mean {fitness.mean():6.1f}  best {fitness.max():6.1f}")
    return mean


if __name__ == "__main__":
    best = learn()
    print("mean of 100 fresh episodes:", evaluate("CartPole-v1", best, POLICY, seeds=range(1000, 1100)).fitness[0])
