"""The same evaluation on every node of a Ray cluster: `pip install 'evalengine[ray]'`.

    >>> with RayEvaluator(threads=16) as evaluator:                                 # ray.init() is called if it was not
    ...     result = evaluator.evaluate("CartPole-v1", population, "mlp:4-64-2", episodes=8)

One actor per node holds nothing but the engine. A call puts the population into the object store once; a node fetches
it once and reads its shares in place. Nodes take shares as they become free. Where a node is lost, what it had not
answered is given to others, and nodes that have joined the cluster are used from the next call on. Results are placed
by their position, so none of this changes a bit. Depends on ray_nodes and ray_run; ray is imported by the constructor.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from numpy.typing import ArrayLike

from evalengine.arguments import check_integer
from evalengine.clusters.ray_nodes import Node, met_nodes
from evalengine.clusters.ray_run import Run
from evalengine.clusters.shares import Job
from evalengine.errors import InputError, MissingDependencyError
from evalengine.evaluation.cancellation import CancelToken, check_token, stop_if_cancelled
from evalengine.evaluation.options import ShareOptions, check_keywords, check_threads
from evalengine.evaluation.result import Evaluation
from evalengine.messages import shown
from evalengine.policies.individuals import AnyPolicy
from evalengine.progress import Progress, check_progress, reported

if TYPE_CHECKING:
    from evalengine.policies.population import Weights


class RayEvaluator:
    """Evaluates populations on all nodes of a Ray cluster, one call after the other; see the module.

    Nodes need the same build of evalengine (version and commit), machine type and math library: that is checked. Cores,
    instructions, Python and NumPy may differ: no bit depends on them.
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
            WorkersLostError: no node answered, or one has another build, machine type or math library.
        """
        threads = check_threads(threads)
        if address is not None and not isinstance(address, str):
            raise InputError(f"address: expected that of a cluster, such as 'auto', got {shown(address)}")
        shares_per_node = check_integer("shares_per_node", shares_per_node, least=1, most=2**20)
        try:
            import ray
        except ImportError:
            raise MissingDependencyError.of("ray", extra="ray") from None
        self._ray: Any = ray
        self._threads = threads
        self._shares_per_node = shares_per_node
        self._nodes: list[Node] = []
        self._owns_connection = not ray.is_initialized()
        if self._owns_connection:
            ray.init(address=address, **init)
        try:
            self._nodes = met_nodes(ray, [], threads)
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
        policy: AnyPolicy | str,
        *,
        episodes: int | None = None,
        seeds: ArrayLike | None = None,
        progress: Progress | bool | None = None,
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
            progress: called with (episodes done, episodes in all) after every share; True draws a bar.
            cancel: see there; shares that were sent and have begun play on, unheard.
            options: env_kwargs, reset_options, observation, max_episode_steps, on_nan, keep, descriptors,
                trajectories, normalize, epsilon, sticky, stop, no_ops, action_repeat, collect_statistics; see there.

        Raises:
            InputError: an argument cannot be used; nothing has been sent.
            NonFiniteError: as `evalengine.evaluate`, with the same individual.
            CancelledError: `cancel` was set before all shares were done.
            WorkersLostError: no node is left, one share was lost four times (`ray_run.MOST_ATTEMPTS`), or a node that
                has joined is refused, see the constructor.
        """
        check_keywords("RayEvaluator.evaluate", options, ShareOptions.__optional_keys__)
        check_progress(progress)
        check_token(cancel)
        job = Job.of(env_id, weights, policy, episodes, seeds, options)
        stop_if_cancelled(cancel)
        self._nodes = met_nodes(self._ray, self._nodes, self._threads)
        shares = job.shares(self._shares_per_node * len(self._nodes))
        run = Run(self._ray, job, list(self._nodes), shares)
        try:
            with reported(progress) as report:
                while not run.is_done:
                    stop_if_cancelled(cancel, run.assembly.done, job.episodes)
                    if run.collect() and report is not None:
                        report(run.assembly.done, job.episodes)
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
