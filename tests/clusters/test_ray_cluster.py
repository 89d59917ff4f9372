"""RayEvaluator on a real cluster of nodes on this machine: the bits of one machine, whatever the nodes are like.

A node may have other cores, instructions and a shorter life than the others, but not another math library.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from graph_examples import population
from test_distributed import MLP, POPULATION, SEEDS_OF_EACH, assert_equal_bits, one_machine

from evalengine import Policy, RayEvaluator, WorkersLostError, evaluate
from evalengine.evaluation.equal_bits import requirements

PENDULUM = Policy("mlp:3-8-1")
GRAPHS = population(31)
pytestmark = pytest.mark.filterwarnings("default")  # Ray's own
needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity here")


def requirements_under(**variables: str) -> dict[str, str]:
    """What a process with more environment variables requires of others."""
    code = "import json; from evalengine.evaluation.equal_bits import requirements; print(json.dumps(requirements()))"
    environment = os.environ | variables
    finished = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(finished.stdout)
    return found


# By value: the tests are no module on the nodes.
DESCRIBED = lambda actor: __import__("evalengine.evaluation.provenance").evaluation.provenance.describe_build()  # noqa: E731


@contextmanager
def other_circumstances(**variables: str) -> Iterator[None]:
    """What is started meanwhile may use one core only, and has more environment variables."""
    cores = os.sched_getaffinity(0)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        os.sched_setaffinity(0, {min(cores)})
        try:
            yield
        finally:
            os.sched_setaffinity(0, cores)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield started
    started.shutdown()


@needs_affinity
def test_nodes_that_differ_in_cores_and_instructions_are_used_and_others_are_named(cluster: Any) -> None:
    with other_circumstances(EVALENGINE_ISA="portable"):
        other = cluster.add_node(num_cpus=1)
    try:
        with RayEvaluator(threads=1, address=cluster.address, log_to_driver=False) as evaluator:
            assert list(evaluator.nodes.values()) == [1, 1]
            described = [evaluator._ray.get(node.actor.__ray_call__.remote(DESCRIBED)) for node in evaluator._nodes]
            assert len(set(described)) == 2  # what people read is not what must be equal
            found = evaluator.evaluate("pendulum", PENDULUM.init(37, seed=5), PENDULUM, episodes=2)
            graphs = evaluator.evaluate("cartpole", GRAPHS, "neat:4-2", episodes=2, sticky=0.1)
        assert_equal_bits(found, evaluate("pendulum", PENDULUM.init(37, seed=5), PENDULUM, episodes=2))
        assert_equal_bits(graphs, evaluate("cartpole", GRAPHS, "neat:4-2", episodes=2, sticky=0.1))
    finally:
        cluster.remove_node(other)
    # The same C library gives other bits on a processor without fused multiply-adds: it is told that there are none.
    tunables = "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA4"
    theirs = requirements_under(GLIBC_TUNABLES=tunables)
    if theirs == requirements():
        return  # another library, or an older processor
    with other_circumstances(GLIBC_TUNABLES=tunables):
        other = cluster.add_node(num_cpus=1)
    try:
        with pytest.raises(WorkersLostError) as refused:
            RayEvaluator(threads=1, address=cluster.address, log_to_driver=False)
        assert re.fullmatch(
            rf"node [\d.]+: expected libm {re.escape(requirements()['libm'])}, as here, "
            rf"got libm {re.escape(theirs['libm'])}",
            str(refused.value),
        )
    finally:
        cluster.remove_node(other)


def test_a_real_cluster_of_two_nodes_of_which_one_is_killed(cluster: Any) -> None:
    second = cluster.add_node(num_cpus=1)
    policy = Policy("mlp:4-8-2")
    many = policy.init(2000, seed=2)
    with RayEvaluator(threads=1, address=cluster.address, log_to_driver=False) as evaluator:
        assert list(evaluator.nodes.values()) == [1, 1]
        found = evaluator.evaluate("cartpole", POPULATION, MLP, seeds=SEEDS_OF_EACH)
        assert_equal_bits(found, one_machine(seeds=SEEDS_OF_EACH))
        kept = evaluator.evaluate("cartpole", POPULATION, MLP, episodes=2, keep=("final_observation",))
        assert_equal_bits(kept, one_machine(episodes=2, keep=("final_observation",)))

        killed: list[int] = []

        def kill_one(done: int, total: int) -> None:
            if not killed:
                killed.append(total - done)
                cluster.remove_node(second, allow_graceful=False)

        recorded: dict[str, Any] = {"trajectories": [0, 999, 1999], "collect_statistics": True}
        found = evaluator.evaluate("cartpole", many, policy, episodes=1000, progress=kill_one, **recorded)
        assert killed and killed[0] > 0
        assert len(evaluator.nodes) == 1
        assert_equal_bits(found, evaluate("cartpole", many, policy, episodes=1000, **recorded))

        cluster.add_node(num_cpus=1)
        found = evaluator.evaluate("cartpole", POPULATION, MLP, seeds=SEEDS_OF_EACH)
        assert len(evaluator.nodes) == 2
        assert_equal_bits(found, one_machine(seeds=SEEDS_OF_EACH))
