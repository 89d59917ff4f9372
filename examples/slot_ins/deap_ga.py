"""A genetic algorithm of DEAP learns CartPole.

    python examples/slot_ins/deap_ga.py

Needs `pip install deap`. DEAP calls `toolbox.map(toolbox.evaluate, individuals)` with the individuals whose fitness is
out of date, which may be none, and takes a sequence of objectives for each.
"""

import random

import numpy as np
from deap import algorithms, base, creator, tools
from numpy.typing import NDArray

from evalengine import Policy, evaluate

POLICY = Policy("mlp:4-16-2")


def returns(individuals: list[list[float]]) -> NDArray[np.float32]:
    """Return (P, 1) float32, the mean return of each individual as its one objective."""
    return evaluate("CartPole-v1", individuals, POLICY, episodes=8).fitness[:, np.newaxis]


creator.create("Fitness", base.Fitness, weights=(1.0,))
creator.create("Individual", list, fitness=creator.Fitness)
toolbox = base.Toolbox()
toolbox.register("gene", random.gauss, 0.0, 0.5)
toolbox.register("individual", tools.initRepeat, creator.Individual, toolbox.gene, POLICY.n_params)
toolbox.register("population", tools.initRepeat, list, toolbox.individual)
toolbox.register("mate", tools.cxUniform, indpb=0.5)
toolbox.register("mutate", tools.mutGaussian, mu=0.0, sigma=0.3, indpb=0.1)
toolbox.register("select", tools.selTournament, tournsize=3)
toolbox.register("evaluate", returns)
toolbox.register("map", lambda function, individuals: function(individuals))


def learn(generations: int = 30) -> NDArray[np.float64]:
    """Return the weights (D,) of the best individual that there has been."""
    random.seed(0)
    statistics = tools.Statistics(lambda individual: individual.fitness.values)
    statistics.register("mean", np.mean)
    statistics.register("best", np.max)
    champion = tools.HallOfFame(1)
    algorithms.eaSimple(toolbox.population(64), toolbox, 0.5, 0.5, generations, statistics, champion)
    return np.array(champion[0])


if __name__ == "__main__":
    best = learn()
    print("mean of 100 fresh episodes:", evaluate("CartPole-v1", best, POLICY, seeds=range(1000, 1100)).fitness[0])
