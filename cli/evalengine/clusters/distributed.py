"""The same evaluation on workers of an executor: concurrent.futures, Dask, mpi4py.futures, anything with submit.

    >>> with ProcessPoolExecutor(4) as executor:
    ...     result = evaluate_on(executor, "CartPole-v1", population, "mlp:4-64-2", episodes=8)

The calling process cuts the population into shares, sends each with its seeds, and puts the results together in order.
Nothing is shared between workers, so who plays what, and when, changes no bit. For whole clusters see `ray_evaluator`,
which sends the population once. Depends on shares.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from numpy.typing import ArrayLike

from evalengine.arguments import check_integer
from evalengine.clusters.shares import Assembly, Job, evaluate_share, within_population
from evalengine.errors import InputError
from evalengine.evaluation.call import Part
from evalengine.evaluation.cancellation import CancelToken, check_token, stop_if_cancelled
from evalengine.evaluation.equal_bits import requirements
from evalengine.evaluation.options import ShareOptions, check_keywords, check_threads
from evalengine.evaluation.result import Evaluation
from evalengine.messages import shown
from evalengine.policies.individuals import AnyPolicy
from evalengine.progress import Progress, check_progress, reported

if TYPE_CHECKING:
    from evalengine.policies.population import Weights

# Shares for each worker: one that is late at its last share keeps the others waiting for a quarter of its work.
_SHARES_PER_WORKER = 4
# Where the executor does not say how many workers it has.
_SHARES = 16
# How soon a token that was set is seen, in seconds.
_CANCEL_SECONDS = 0.1


class Future(Protocol):
    """What `submit` returns; where it has `done()` and `cancel()`, as that of `concurrent.futures`, they are used."""

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the result, or raise what the call raised; TimeoutError after `timeout` seconds."""
        ...


class Executor(Protocol):
    """What runs a function elsewhere, such as `concurrent.futures.ProcessPoolExecutor` or `dask.distributed.Client`."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Return a `Future` at once."""
        ...


def evaluate_on(
    executor: Executor,
    env_id: str,
    weights: Weights,
    policy: AnyPolicy | str,
    *,
    episodes: int | None = None,
    seeds: ArrayLike | None = None,
    threads: int | None = 1,
    shares: int | None = None,
    progress: Progress | bool | None = None,
    cancel: CancelToken | None = None,
    **options: Unpack[ShareOptions],
) -> Evaluation:
    """Return what `evaluate` returns, evaluated by the workers of an executor; equal in every bit but `seconds`.

    Args:
        executor: anything with `submit(function, *arguments)` that returns something with `result(timeout)`. Its
            workers need the same build of evalengine (version and commit), machine type and math library: each share
            checks that. What it does about workers that die is its own affair: Dask
            runs their shares again, a `ProcessPoolExecutor` is broken and says so.
        env_id: see `evaluate`.
        weights: see `evaluate`; a share of them travels with every call.
        policy: see `evaluate`.
        episodes: see `evaluate`.
        seeds: see `evaluate`.
        threads: of each share, on its worker; None is all cores that the worker may use. 1 suits executors that have a
            worker for each core.
        shares: how many parts to cut the population into; None is four for each worker, or 16 where the executor does
            not say how many it has. There are more where a share's weights would exceed 64 MiB.
        progress: called with (episodes done, episodes in all) after every share, in order; True draws a bar.
        cancel: see `evaluate`; shares that were sent and have begun play on, unheard.
        options: env_kwargs, reset_options, observation, max_episode_steps, on_nan, keep, descriptors, trajectories,
            normalize, epsilon, sticky, stop, no_ops, action_repeat, collect_statistics; see `evaluate`.

    Raises:
        InputError: an argument cannot be used; nothing has been sent.
        NonFiniteError: as `evaluate`, with the individual's position in the whole population.
        CancelledError: `cancel` was set before all shares were done.
        WorkersLostError: a worker has another build, machine type or math library.
        Exception: what else a share raised on its worker (a `TimeoutError`, too), or the executor for it.
    """
    check_keywords("evaluate_on", options, ShareOptions.__optional_keys__)
    if not callable(getattr(executor, "submit", None)):
        raise InputError(f"executor: expected an object with submit(function, *arguments), got {shown(executor)}")
    threads = check_threads(threads)
    check_progress(progress)
    check_token(cancel)
    if shares is not None:
        shares = check_integer("shares", shares, least=1, most=2**31 - 1)
    job = Job.of(env_id, weights, policy, episodes, seeds, options)
    workers = _workers(executor)
    count = shares or (workers * _SHARES_PER_WORKER if workers else _SHARES)
    assembly, here = Assembly(job), requirements()
    stop_if_cancelled(cancel)
    waiting = deque(job.shares(count))
    sent: deque[tuple[Any, Any]] = deque()
    try:
        with reported(progress) as report:
            while waiting or sent:
                # Not all at once: the executor's queue would hold a second copy of the whole population.
                while waiting and len(sent) < max(count, _SHARES):
                    share = waiting.popleft()
                    matrix, share_seeds = job.weights[share.start : share.stop], job.seeds_of(share)
                    place = (share.start, len(job.weights))
                    call = (job.env_id, job.policy, matrix, share_seeds, place, threads, job.options, here)
                    sent.append((share, executor.submit(evaluate_share, *call)))
                share, future = sent[0]
                with within_population(share.start):
                    assembly.place(share, _result(future, cancel, assembly.done, job.episodes))
                sent.popleft()
                if report is not None:
                    report(assembly.done, job.episodes)
    finally:
        for _, future in sent:  # after a failure only
            if hasattr(future, "cancel"):
                future.cancel()
    return assembly.evaluation()


def _result(future: Future, cancel: CancelToken | None, done: int, total: int) -> Part:
    """Wait for a share, looking at the token meanwhile; what the share raised is raised."""
    former: TimeoutError | None = None
    while cancel is not None:
        stop_if_cancelled(cancel, done, total)
        try:
            return _checked(future.result(timeout=_CANCEL_SECONDS))
        except TimeoutError as late:
            # The wait's own, or what the share raised: then there is an answer, and the same one every time.
            if late is former or _is_done(future):
                break
            former = late
    return _checked(future.result())


def _is_done(future: Future) -> bool:
    """Say whether there is an answer, as far as the future tells."""
    done = getattr(future, "done", None)
    return callable(done) and bool(done())


def _checked(result: object) -> Part:
    if not isinstance(result, Part):
        raise InputError(f"executor: expected futures whose result is what the function returned, got {shown(result)}")
    return result


def _workers(executor: object) -> int | None:
    """Return how many calls an executor runs at once, where it says so."""
    for name in ("num_workers", "_max_workers"):  # mpi4py.futures, concurrent.futures
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    client: Any = getattr(executor, "_client", executor)  # dask.distributed: the client, or the executor that it makes
    if callable(getattr(client, "nthreads", None)):
        return sum(client.nthreads().values()) or None
    return None
