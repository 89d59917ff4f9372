"""RayEvaluator on a Ray of plain Python, which loses what a test tells it to lose; test_ray_cluster has a real one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_distributed import MLP, POPULATION, RULES, SEEDS_OF_EACH, assert_equal_bits, one_machine

from evalengine import CancelledError, InputError, NonFiniteError, RayEvaluator, WorkersLostError, evaluate
from evalengine.clusters.ray_run import MOST_ATTEMPTS
from evalengine.evaluation.equal_bits import requirements


class RayError(Exception):
    """Stands for ray.exceptions.RayError."""


class RayActorError(RayError):
    """Stands for ray.exceptions.RayActorError."""


class RayTaskError(RayError):
    """Stands for ray.exceptions.RayTaskError."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class FakeRay:
    """As much of Ray as RayEvaluator uses, in this process; calls run when they are waited for.

    Attributes:
        played: (node, share) of every call that was run.
        loses: says whether the answer to a (node, share) is lost, and how.
    """

    exceptions = SimpleNamespace(RayError=RayError, RayActorError=RayActorError, RayTaskError=RayTaskError)

    def __init__(self, cpus: list[int], builds: dict[str, Any] | None = None) -> None:
        self.cpus = {f"node{number}": count for number, count in enumerate(cpus)}
        self.builds = builds or {}
        self.played: list[tuple[str, Any]] = []
        self.loses: Callable[[str, Any], Exception | None] = lambda node, share: None
        self.started: list[tuple[str, int]] = []
        self.is_open = False

    def is_initialized(self) -> bool:
        return self.is_open

    def init(self, **options: Any) -> None:
        self.is_open = True

    def shutdown(self) -> None:
        self.is_open = False

    def kill(self, actor: Any) -> None:
        pass

    def cancel(self, reference: Any) -> None:
        pass

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": name, "Alive": True, "NodeManagerAddress": name, "Resources": {"CPU": float(count)}}
            for name, count in self.cpus.items()
        ]

    def put(self, value: Any) -> Any:
        return value

    def remote(self, worker: type) -> Any:
        def options(*, num_cpus: int, scheduling_strategy: Any) -> Any:
            node = scheduling_strategy.node_id
            self.started.append((node, num_cpus))
            return SimpleNamespace(remote=lambda: self._actor(node, worker()))

        return SimpleNamespace(options=options)

    def _actor(self, node: str, worker: Any) -> Any:
        def build() -> Any:
            def answer() -> Any:
                found = self.builds.get(node, worker.build())
                if isinstance(found, Exception):
                    raise found
                return found

            return answer

        def play(weights: Any, share: Any, job: Any) -> Any:
            def answer() -> Any:
                self.played.append((node, share))
                if (error := self.loses(node, share)) is not None:
                    raise error
                return worker.evaluate(weights, share, job)

            return answer

        return SimpleNamespace(build=SimpleNamespace(remote=build), evaluate=SimpleNamespace(remote=play))

    def wait(self, references: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        return references[-1:], references[:-1]  # the newest first: an order of arrival is not an order of individuals

    def get(self, reference: Any, timeout: float | None = None) -> Any:
        return reference()


@pytest.fixture
def fake_ray(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeRay]:
    """Puts a `FakeRay` in Ray's place."""

    def install(*cpus: int, builds: dict[str, Any] | None = None) -> FakeRay:
        fake = FakeRay(list(cpus), builds)
        strategies = SimpleNamespace(
            NodeAffinitySchedulingStrategy=lambda node_id, soft: SimpleNamespace(node_id=node_id)
        )
        monkeypatch.setitem(sys.modules, "ray", fake)
        monkeypatch.setitem(sys.modules, "ray.util", SimpleNamespace())
        monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategies)
        return fake

    return install


FakeRays = Callable[..., FakeRay]


def test_nodes_share_a_population(fake_ray: FakeRays) -> None:
    fake = fake_ray(1, 2, 0)
    with RayEvaluator() as evaluator:
        assert fake.started == [("node0", 1), ("node1", 2)]  # a node without CPUs (a head) gets no actor
        assert list(evaluator.nodes.values()) == [1, 2]
        seen: list[tuple[int, int]] = []
        found = evaluator.evaluate(
            "cartpole", POPULATION, MLP, seeds=SEEDS_OF_EACH, progress=lambda *counts: seen.append(counts)
        )
    assert_equal_bits(found, one_machine(seeds=SEEDS_OF_EACH))
    assert {node for node, _ in fake.played} == {"node0", "node1"}
    assert len(fake.played) == 16 == len(seen)
    assert seen[-1] == (111, 111)
    assert not fake.is_open


def test_rules_of_an_episode_travel(fake_ray: FakeRays) -> None:
    fake_ray(1, 2)
    with RayEvaluator() as evaluator:
        found = evaluator.evaluate("cartpole", POPULATION, MLP, **RULES)
    assert_equal_bits(found, one_machine(**RULES))
    assert {"patience", "condition"} <= set(found.endings.reshape(-1).tolist())


def test_a_lost_nodes_shares_are_run_by_the_others_once(fake_ray: FakeRays) -> None:
    fake = fake_ray(1, 1)
    lost: list[Any] = []

    def loses(node: str, share: Any) -> Exception | None:
        if node == "node1":
            lost.append(share)
            return RayActorError("node1 died")
        return None

    fake.loses = loses
    with RayEvaluator() as evaluator:
        found = evaluator.evaluate("cartpole", POPULATION, MLP, episodes=2)
        assert list(evaluator.nodes) == ["node0 node0"]
        by_others = [share for node, share in fake.played if node == "node0"]
        assert len(lost) == 2 and set(lost) <= set(by_others)
        assert len(by_others) == len(set(by_others)) == 16
        # It is back, perhaps with another process: the next call uses it again.
        fake.loses = lambda node, share: None
        fake.played.clear()
        again = evaluator.evaluate("cartpole", POPULATION, MLP, episodes=2)
        assert {node for node, _ in fake.played} == {"node0", "node1"}
    assert_equal_bits(found, one_machine(episodes=2))
    assert_equal_bits(again, one_machine(episodes=2))


def test_statistics_and_trajectories_travel(fake_ray: FakeRays) -> None:
    fake = fake_ray(1, 1)
    fake.loses = lambda node, share: RayActorError("node1 died") if node == "node1" else None
    recorded: dict[str, Any] = {"trajectories": [0, 20, 36], "collect_statistics": True, "descriptors": ["max(x)"]}
    for shares in (1, 3, 8):
        with RayEvaluator(shares_per_node=shares) as evaluator:
            found = evaluator.evaluate("cartpole", POPULATION, MLP, seeds=SEEDS_OF_EACH, **recorded)
        assert_equal_bits(found, one_machine(seeds=SEEDS_OF_EACH, **recorded))
    assert any(node == "node1" for node, _ in fake.played)


def test_a_lost_answer_is_asked_for_again(fake_ray: FakeRays) -> None:
    fake = fake_ray(1)
    fake.loses = lambda node, share: RayError("object lost") if len(fake.played) == 3 else None
    with RayEvaluator(shares_per_node=5) as evaluator:
        assert_equal_bits(evaluator.evaluate("cartpole", POPULATION, MLP), one_machine())
    assert len(fake.played) == 6


def test_a_share_that_is_lost_again_and_again_ends_the_call(fake_ray: FakeRays) -> None:
    fake = fake_ray(*[1] * 8)
    fake.loses = lambda node, share: RayError("killed\nfor memory") if share.start == 0 else None
    with RayEvaluator() as evaluator, pytest.raises(WorkersLostError) as lost:
        evaluator.evaluate("cartpole", POPULATION, MLP)
    assert str(lost.value) == f"individuals 0 to 0: lost with {MOST_ATTEMPTS} nodes, the last: killed"


def test_without_a_node_the_call_ends(fake_ray: FakeRays) -> None:
    fake = fake_ray(1, 1)
    fake.loses = lambda node, share: RayActorError("died")
    with RayEvaluator() as evaluator, pytest.raises(WorkersLostError, match=r"^nodes: expected one to run what lost"):
        evaluator.evaluate("cartpole", POPULATION, MLP)
    fake_ray(0)
    with pytest.raises(WorkersLostError, match=r"^nodes: expected one that answers, got none of 1$"):
        RayEvaluator()


def test_a_node_that_might_give_other_bits_is_refused_with_what_differs(fake_ray: FakeRays) -> None:
    here = requirements()
    for name in ("build", "machine", "libm"):
        fake_ray(1, 1, builds={"node1": here | {name: "another"}})
        with pytest.raises(WorkersLostError) as refused:
            RayEvaluator()
        assert str(refused.value) == f"node node1: expected {name} {here[name]}, as here, got {name} another"
    # What answered before there were names, the lines of --version.
    fake_ray(1, 1, builds={"node1": "evalengine 0.0.9\n  simd     sse2"})
    with pytest.raises(WorkersLostError) as refused:
        RayEvaluator()
    assert str(refused.value) == (
        f"node node1: expected build {here['build']}, as here, got evalengine 0.0.9 simd sse2"
    )


def test_a_node_without_evalengine_is_named_on_one_line(fake_ray: FakeRays) -> None:
    fake_ray(1, 1, builds={"node1": RayTaskError(ImportError("No module named 'evalengine'\nTraceback\n  more"))})
    with pytest.raises(WorkersLostError) as refused:
        RayEvaluator()
    assert str(refused.value) == "node node1: expected evalengine there, got No module named 'evalengine'"


def test_what_the_worker_did_not_foresee_is_not_tried_again(fake_ray: FakeRays) -> None:
    fake = fake_ray(1, 1)
    fake.loses = lambda node, share: RayTaskError(ZeroDivisionError("by zero"))
    with RayEvaluator() as evaluator, pytest.raises(RayTaskError):
        evaluator.evaluate("cartpole", POPULATION, MLP)
    assert len(fake.played) == 1


def test_the_first_individual_that_fails_is_named(fake_ray: FakeRays) -> None:
    fake_ray(1, 1)
    weights = POPULATION.copy()
    weights[[20, 31]] = np.float32(3e38)
    with pytest.raises(NonFiniteError) as expected:
        evaluate("cartpole", weights, MLP, episodes=2)
    with RayEvaluator(shares_per_node=4) as evaluator, pytest.raises(NonFiniteError) as found:
        evaluator.evaluate("cartpole", weights, MLP, episodes=2)
    assert (str(found.value), vars(found.value)) == (str(expected.value), vars(expected.value))
    assert found.value.individual == 20


def test_arguments_are_checked_before_anything_is_sent(fake_ray: FakeRays) -> None:
    fake = fake_ray(2)
    wrong: list[dict[str, Any]] = [{"threads": 0}, {"shares_per_node": 0}]
    for bad in wrong:
        with pytest.raises(InputError, match=r": expected an integer from 1 to \d+, got 0$"):
            RayEvaluator(**bad)
    with RayEvaluator(threads=8) as evaluator:
        assert list(evaluator.nodes.values()) == [2]
        with pytest.raises(InputError, match=r"^seeds: expected shape"):
            evaluator.evaluate("cartpole", POPULATION, MLP, seeds=SEEDS_OF_EACH[1:])
        token = threading.Event()
        token.set()
        with pytest.raises(CancelledError, match=r"^cancelled before the first episode$"):
            evaluator.evaluate("cartpole", POPULATION, MLP, cancel=token)
        assert fake.played == []
        token.clear()
        with pytest.raises(CancelledError, match=r"^cancelled after 5 of 37 episodes$"):
            evaluator.evaluate("cartpole", POPULATION, MLP, cancel=token, progress=lambda *counts: token.set())
        nobody = POPULATION[:0]
        assert_equal_bits(evaluator.evaluate("cartpole", nobody, MLP), evaluate("cartpole", nobody, MLP))
