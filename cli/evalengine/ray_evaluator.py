"""The same evaluation on every node of a Ray cluster: `pip install 'evalengine[ray]'`.

    >>> with RayEvaluator(threads=16) as evaluator:                                 # ray.init() is called if it was not
    ...     result = evaluator.evaluate("CartPole-v1", population, "mlp:4-64-2", episodes=8)

One actor per node holds nothing but the engine. A call puts the population into the object store once; a node fetches
it once and reads its shares in place. Nodes take shares as they become free. Where a node is lost, what it had not
answered is given to others, and nodes that have joined the cluster are used from the next call on. Results are placed
by their position, so none of this changes a bit. Depends on shares; ray is imported by the constructor.
"""

from __future__ import annotations

import platform
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import check_integer
from evalengine.cancellation import CancelToken, check_token, stop_if_cancelled
from evalengine.errors import EvalEngineError, MissingDependencyError, WorkersLostError
from evalengine.evaluation import Evaluation
from evalengine.policy import Policy
from evalengine.provenance import describe_build
from evalengine.shares import Assembly, Job, Share, ShareOptions, check_threads, evaluate_share, within_population

if TYPE_CHECKING:
    from evalengine.population import Weights

MOST_ATTEMPTS = 4
"""How often a share is tried: one that takes a node down with it would otherwise take them all."""

# While a node plays one share, the next one waits there already.
_SHARES_AT_ONCE = 2
# How soon a token that was set is seen, and a new node's actor must have answered, in seconds.
_CANCEL_SECONDS = 0.1
_START_SECONDS = 120.0


class _Worker:
    """The actor of a node."""

    def build(self) -> str:
        """Return what must be equal on all nodes for their results to be."""
        return build_of_this_machine()

    def evaluate(
        self,
        weights: NDArray[np.float32],
        share: Share,
        job: tuple[str, str, NDArray[np.uint64], int | None, ShareOptions],
    ) -> Evaluation | EvalEngineError:
        """Evaluate one share; an error that the engine raises on purpose is a value, so that it arrives as it is."""
        env_id, policy, seeds, threads, options = job
        try:
            return evaluate_share(env_id, policy, weights[share.start : share.stop], seeds, threads, options)
        except EvalEngineError as error:
            return error


@dataclass(frozen=True)
class _Node:
    """An actor and where it runs."""

    node_id: str
    address: str
    threads: int
    actor: Any


class _Sent(NamedTuple):
    """A share that a node has been given."""

    node: _Node
    share: Share


class RayEvaluator:
    """Evaluates populations on all nodes of a Ray cluster, one call after the other; see the module.

    Nodes need evalengine in the same version and commit, and the same machine type and C library: that is checked.
    """

    def __init__(
        self, *, threads: int | None = None, address: str | None = None, shares_per_node: int = 8, **init: Any
    ) -> None:
        """Connect to a cluster and start an actor on each of its nodes.

        Args:
            threads: of each actor; it also reserves as many of its node's CPUs. None is all CPUs that the node has told
                Ray of. A node with fewer CPUs gets as many threads as it has.
            address: of the cluster, for `ray.init`, which is called only where Ray is not initialised yet; None is the
                one that RAY_ADDRESS names, or a new one on this machine alone.
            shares_per_node: into how many parts a call is cut for each node. More of them keep nodes of unequal speed
                busy to the end, and cost a message each.
            init: what else `ray.init` shall get.

        Raises:
            InputError: an argument cannot be used.
            MissingDependencyError: ray is not installed.
            WorkersLostError: no node answered, or one runs another build.
        """
        check_threads(threads)
        check_integer("shares_per_node", shares_per_node, least=1, most=2**20)
        try:
            import ray
        except ImportError:
            raise MissingDependencyError.of("ray", extra="ray") from None
        self._ray: Any = ray
        self._threads = threads
        self._shares_per_node = shares_per_node
        self._nodes: list[_Node] = []
        self._owns_connection = not ray.is_initialized()
        if self._owns_connection:
            ray.init(address=address, **init)
        try:
            self._meet_nodes()
        except BaseException:
            self.close()
            raise

    @property
    def nodes(self) -> dict[str, int]:
        """The threads of each node that was there at the last call, by its address."""
        return {f"{node.address} {node.node_id[:8]}": node.threads for node in self._nodes}

    def evaluate(
        self,
        env_id: str,
        weights: Weights,
        policy: Policy | str,
        *,
        episodes: int | None = None,
        seeds: ArrayLike | None = None,
        progress: Callable[[int, int], object] | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[ShareOptions],
    ) -> Evaluation:
        """Return what `evalengine.evaluate` returns, evaluated on all nodes; equal in every bit but `seconds`.

        Args:
            env_id: see `evalengine.evaluate`.
            weights: see there; copied into the object store once.
            policy: see there.
            episodes: see there.
            seeds: see there.
            progress: called with (episodes done, episodes in all) after every share.
            cancel: see there; shares that were sent and have begun play on, unheard.
            options: env_kwargs, reset_options, observation, max_episode_steps, on_nan, keep, descriptors,
                normalize; see there.

        Raises:
            InputError: an argument cannot be used; nothing has been sent.
            NonFiniteError: as `evalengine.evaluate`, with the same individual.
            CancelledError: `cancel` was set before all shares were done.
            WorkersLostError: no node is left, or one share was lost `MOST_ATTEMPTS` times.
        """
        check_token(cancel)
        job = Job.of(env_id, weights, policy, episodes, seeds, options)
        stop_if_cancelled(cancel)
        self._meet_nodes()
        shares = job.shares(self._shares_per_node * len(self._nodes))
        run = _Run(self._ray, job, list(self._nodes), shares)
        try:
            while not run.is_done:
                stop_if_cancelled(cancel, run.assembly.done, job.episodes)
                if run.collect() and progress is not None:
                    progress(run.assembly.done, job.episodes)
        finally:
            run.abandon()
            self._nodes = [node for node in self._nodes if node in run.nodes]
        return run.result()

    def close(self) -> None:
        """End the actors, and the connection if this object made it."""
        for node in self._nodes:
            self._ray.kill(node.actor)
        self._nodes = []
        if self._owns_connection:
            self._ray.shutdown()
            self._owns_connection = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _meet_nodes(self) -> None:
        """Start actors on nodes that have none, and forget those of nodes that are gone."""
        alive = {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}
        self._nodes = [node for node in self._nodes if node.node_id in alive]
        known = {node.node_id for node in self._nodes}
        new = [self._start(node) for node_id, node in alive.items() if node_id not in known and _cpus(node) >= 1]
        expected = build_of_this_machine()
        for node in new:
            try:
                found = self._ray.get(node.actor.build.remote(), timeout=_START_SECONDS)
            except self._ray.exceptions.RayTaskError as error:
                raise WorkersLostError(f"node {node.address}: expected evalengine there, got {error.cause}") from None
            except self._ray.exceptions.RayError:
                continue  # gone before it was met, or its CPUs are another's
            if found != expected:
                raise WorkersLostError(f"node {node.address}: expected {expected}, as here, got {found}")
            self._nodes.append(node)
        if not self._nodes:
            raise WorkersLostError(f"nodes: expected one that answers, got none of {len(alive)}")

    def _start(self, node: dict[str, Any]) -> _Node:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        threads = _cpus(node) if self._threads is None else min(self._threads, _cpus(node))
        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        actor = self._ray.remote(_Worker).options(num_cpus=threads, scheduling_strategy=here).remote()
        return _Node(node["NodeID"], node["NodeManagerAddress"], threads, actor)


class _Run:
    """One call: which node has which share, and what is left to give away."""

    def __init__(self, ray: Any, job: Job, nodes: list[_Node], shares: list[Share]) -> None:
        self.assembly = Assembly(job)
        self.nodes = nodes
        self._ray = ray
        self._job = job
        self._waiting = deque(shares)
        self._sent: dict[Any, _Sent] = {}
        self._attempts: Counter[Share] = Counter()
        self._failures: dict[Share, EvalEngineError] = {}
        self._weights = ray.put(job.weights) if shares else None
        self._give()

    @property
    def is_done(self) -> bool:
        """Whether every share was answered, or the first that failed and all before it."""
        return not self._waiting and not self._sent

    def collect(self) -> bool:
        """Wait a moment for answers, place them and give their nodes more; say whether there was one."""
        ready, _ = self._ray.wait(list(self._sent), num_returns=1, timeout=_CANCEL_SECONDS)
        for reference in ready:
            # Its node may have been found lost while an earlier answer was looked at.
            if (sent := self._sent.pop(reference, None)) is not None:
                self._take(reference, sent)
        self._give()
        return bool(ready)

    def result(self) -> Evaluation:
        """Return the whole, or raise what the first individual that failed did, as one machine would."""
        if self._failures:
            first = min(self._failures)
            with within_population(first.start):
                raise self._failures[first]
        return self.assembly.evaluation()

    def abandon(self) -> None:
        """Tell the nodes to forget what they have not begun."""
        for reference in self._sent:
            self._ray.cancel(reference)

    def _take(self, reference: Any, sent: _Sent) -> None:
        exceptions = self._ray.exceptions
        try:
            answer = self._ray.get(reference)
        except exceptions.RayTaskError:
            raise  # an error in the worker that was not foreseen: trying again would not help
        except exceptions.RayError as error:
            self._lose(sent, error)
            return
        if isinstance(answer, EvalEngineError):
            self._failures[sent.share] = answer
            # One machine names the first individual that fails: later ones are of no interest any more.
            self._waiting = deque(share for share in self._waiting if share < sent.share)
        else:
            self.assembly.place(sent.share, answer)

    def _lose(self, lost: _Sent, error: Exception) -> None:
        """Take back a share whose answer will not come, and all others of its node if that is gone."""
        exceptions = self._ray.exceptions
        if isinstance(error, exceptions.RayActorError) and lost.node in self.nodes:
            self.nodes.remove(lost.node)
        self._attempts[lost.share] += 1
        if self._attempts[lost.share] >= MOST_ATTEMPTS:
            individuals = f"individuals {lost.share.start} to {lost.share.stop - 1}"
            raise WorkersLostError(f"{individuals}: lost with {MOST_ATTEMPTS} nodes, the last: {_first_line(error)}")
        self._waiting.appendleft(lost.share)

    def _give(self) -> None:
        """Give every node something to do and something to go on with."""
        busy = Counter(sent.node.node_id for sent in self._sent.values())
        for _ in range(_SHARES_AT_ONCE):
            for node in self.nodes:
                if self._waiting and busy[node.node_id] < _SHARES_AT_ONCE:
                    busy[node.node_id] += 1
                    self._send(node, self._waiting.popleft())
        if self._waiting and not self.nodes:
            raise WorkersLostError("nodes: expected one to run what lost nodes had not finished, got none")

    def _send(self, node: _Node, share: Share) -> None:
        job = self._job
        task = (job.env_id, job.policy, job.seeds_of(share), node.threads, job.options)
        self._sent[node.actor.evaluate.remote(self._weights, share, task)] = _Sent(node, share)


def build_of_this_machine() -> str:
    """Return what two machines must have in common to give the same bits: the build, and whose sin and pow it calls."""
    library, version = platform.libc_ver()
    return f"evalengine {describe_build()} on {platform.machine()} with {library} {version}"


def _cpus(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("CPU", 0))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
