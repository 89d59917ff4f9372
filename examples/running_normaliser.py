"""A running normaliser: every generation sees observations normalised by all that the generations before it saw.

    python examples/running_normaliser.py

An OpenAI-ES on LunarLander in a few lines, to show where the normaliser goes. The statistics of two calls are added
with `+`, those of any number with `sum`, whatever normalisation each call had: they are of the observations before it.
The best policy is saved with its normalisation, so that `evalengine evaluate` and `replay` play it behind the same one.
"""

from __future__ import annotations

import sys

import numpy as np

import evalengine

PAIRS, SIGMA, RATE, EPISODES = 64, 0.1, 0.3, 4


def main(generations: int = 60, out: str | None = None) -> None:
    """Learn, and print the mean return of each tenth generation."""
    policy = evalengine.Policy("mlp:8-16-4")
    center, random = np.zeros(policy.n_params), np.random.default_rng(0)
    seen, normalize = None, None
    for generation in range(generations):
        noise = random.standard_normal((PAIRS, policy.n_params))
        result = evalengine.evaluate(
            "LunarLander-v3",
            np.concatenate([center + SIGMA * noise, center - SIGMA * noise]),
            policy,
            episodes=EPISODES,
            seeds=EPISODES * generation,
            normalize=normalize,
            collect_statistics=True,
        )
        seen = result.statistics if seen is None else seen + result.statistics
        normalize = seen.normalization(clip=5.0)
        ranks = result.fitness.argsort().argsort() / (2 * PAIRS - 1) - 0.5
        center += RATE * (ranks[:PAIRS] - ranks[PAIRS:]) @ noise / (2 * PAIRS * SIGMA)
        if generation % 10 == 9:
            print(f"generation {generation + 1:3}  mean {result.fitness.mean():8.2f}  of {seen.count:,} observations")
    test = evalengine.evaluate("LunarLander-v3", center, policy, episodes=100, seeds=10**6, normalize=normalize)
    print(f"the center: mean {test.fitness[0]:.2f} over 100 fresh seeds")
    if out is not None:
        policy.save(out, center, "LunarLander-v3", normalize=normalize)


if __name__ == "__main__":
    main(out=sys.argv[1] if len(sys.argv) > 1 else None)
