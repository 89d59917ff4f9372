"""What a call costs on many machines beyond its episodes: seconds a call and bytes moved, as CSV on stdout.

    python scripts/measure_machines.py --calls 30 > machines.csv

One individual's weights are as long as asked for and its episodes end after one step, so that a call is all overhead:
checking, sending, fetching, putting together. Executors of this machine and a Ray cluster of `--nodes` nodes on it are
measured, one after the other, each warmed up first; one line per backend and size, with the median and the range. The
network between real machines is not in these numbers: add bytes / bandwidth for each node.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from evalengine import Evaluation, Policy, RayEvaluator, evaluate, evaluate_on

ENV = "CartPole-v1"
POLICY = Policy("mlp:4-64-2")
BYTES = (1_800, 1_000_000, 64_000_000)
"""Sizes of the population that are measured, in bytes of weights."""

Call = Callable[..., Evaluation]


@contextmanager
def this_process(nodes: int) -> Iterator[Call]:
    """`evaluate`, with as many threads as the others have workers."""
    yield lambda weights, seed: evaluate(ENV, weights, POLICY, seeds=seed, max_episode_steps=1, threads=nodes)


@contextmanager
def process_pool(nodes: int) -> Iterator[Call]:
    """`evaluate_on` a ProcessPoolExecutor."""
    with ProcessPoolExecutor(nodes) as executor:
        yield lambda weights, seed: evaluate_on(executor, ENV, weights, POLICY, seeds=seed, max_episode_steps=1)


@contextmanager
def dask(nodes: int) -> Iterator[Call]:
    """`evaluate_on` a Dask cluster of processes."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=nodes, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield lambda weights, seed: evaluate_on(client, ENV, weights, POLICY, seeds=seed, max_episode_steps=1)


@contextmanager
def ray(nodes: int) -> Iterator[Call]:
    """`RayEvaluator` on a Ray cluster of `nodes` nodes."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1)
        with RayEvaluator(threads=1, address=cluster.address, log_to_driver=False) as evaluator:
            yield lambda weights, seed: evaluator.evaluate(ENV, weights, POLICY, seeds=seed, max_episode_steps=1)
    finally:
        cluster.shutdown()


BACKENDS: dict[str, Callable[[int], Any]] = {"evaluate": this_process, "pool": process_pool, "dask": dask, "ray": ray}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--backends", default=",".join(BACKENDS))
    options = parser.parse_args()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["backend", "workers", "individuals", "bytes", "calls", "seconds", "seconds_min", "seconds_max"])
    for backend in options.backends.split(","):
        with BACKENDS[backend](options.nodes) as call:
            for size in BYTES:
                weights = np.zeros((max(1, size // (4 * POLICY.n_params)), POLICY.n_params), dtype=np.float32)
                expected = evaluate(ENV, weights, POLICY, max_episode_steps=1).returns
                seconds = []
                for number in range(options.calls + 2):
                    begun = time.perf_counter()
                    found = call(weights, number)  # other seeds each time: Dask answers what it knows without work
                    seconds.append(time.perf_counter() - begun)
                    if number == 0 and found.returns.tobytes() != expected.tobytes():
                        sys.exit(f"{backend}: other returns than evaluate's")
                seconds = seconds[2:]
                timing = [statistics.median(seconds), min(seconds), max(seconds)]
                row = [backend, options.nodes, len(weights), weights.nbytes, len(seconds)]
                writer.writerow([*row, *(f"{value:.6f}" for value in timing)])
                sys.stdout.flush()


if __name__ == "__main__":
    main()
