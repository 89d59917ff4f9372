"""CMA-ES of evosax learns CartPole.

    python examples/slot_ins/evosax_cma_es.py

Needs `pip install evosax`. evosax minimises, so it is told -fitness. Populations are JAX arrays.
"""

import jax
import numpy as np
from evosax.algorithms import CMA_ES
from numpy.typing import NDArray

from evalengine import Policy, evaluate

POLICY = Policy("mlp:4-16-2")


def learn(generations: int = 40) -> NDArray[np.float32]:
    """Return the weights (D,) of the mean of the search distribution."""
    es = CMA_ES(population_size=32, solution=jax.numpy.zeros(POLICY.n_params))
    params = es.default_params.replace(std_init=0.5)
    state = es.init(jax.random.key(0), jax.numpy.zeros(POLICY.n_params), params)
    for generation in range(generations):
        key_ask, key_tell = jax.random.split(jax.random.key(1 + generation))
        population, state = es.ask(key_ask, state, params)  # a JAX array
        fitness = evaluate("CartPole-v1", population, POLICY, episodes=4, seeds=4 * generation).fitness
        state, _ = es.tell(key_tell, population, -fitness, state, params)
        print(f"generation {generation:3}  mean {fitness.mean():6.1f}  best {fitness.max():6.1f}")
    return np.asarray(es.get_mean(state))


if __name__ == "__main__":
    best = learn()
    print("mean of 100 fresh episodes:", evaluate("CartPole-v1", best, POLICY, seeds=range(1000, 1100)).fitness[0])
