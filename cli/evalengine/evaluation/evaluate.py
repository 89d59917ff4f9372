"""One call from weights to fitness.

    >>> fitness = batch_evaluate("CartPole-v1", population, 8, "mlp", (4, 64, 2))          # (P, 450) -> (P,) float32

Everything is checked before any work starts (`call`); the extension then runs all episodes of all individuals on
all cores without the GIL. The return of an episode is the float64 sum of its rewards, first to last; the fitness of an
individual is the float64 sum of its returns, first to last, divided by their number, cast to float32.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import MOST_EPISODES, check_integer, is_population, population_matrix
from evalengine.evaluation.call import evaluated
from evalengine.evaluation.options import BatchOptions, EvaluateOptions, check_keywords, spelled_out
from evalengine.evaluation.result import Evaluation
from evalengine.policies.individuals import AnyPolicy
from evalengine.policies.policy import Policy
from evalengine.policies.population import flat_weights

if TYPE_CHECKING:
    from evalengine.policies.loading import LoadedWeights
    from evalengine.policies.population import Weights

__all__ = ["Evaluation", "batch_evaluate", "evaluate"]


def batch_evaluate(
    env_id: str,
    weights: Weights,
    n_episodes: int,
    policy_arch: str,
    policy_shape: tuple[int | tuple[int | tuple[int, int], ...] | tuple[str, int], ...],
    seeds: ArrayLike | None = None,
    *,
    activation: str | Sequence[str] | None = None,
    output_activation: str = "identity",
    bias: bool | Sequence[bool] = True,
    head: str | Sequence[str] = "tanh",
    noise: str | float | Sequence[float] = 0.0,
    **options: Unpack[BatchOptions],
) -> NDArray[np.float32]:
    """Return the fitness (P,) float32 of a population: the mean return of each individual over its episodes.

    Args:
        env_id: the environment, by full id or short name.
        weights: (P, D), or a list of P vectors; see `evaluate`. One vector alone is refused: reshape it to (1, D).
        n_episodes: E, for each individual.
        policy_arch: "mlp" or "cnn".
        policy_shape: (4, 64, 2) or (5, 12, 12, (16, 3), (32, 3), 64, 4); see `Policy.from_shape`.
        seeds: see `evaluate`.
        activation: see `Policy.from_shape`.
        output_activation: see `Policy.from_shape`.
        bias: see `Policy.from_shape`.
        head: see `Policy.from_shape`.
        noise: see `Policy.from_shape`.
        options: env_kwargs, reset_options, observation, max_episode_steps, on_nan, normalize, epsilon, sticky, stop,
            no_ops, action_repeat, threads, progress, cancel; see `evaluate`, whose others are taken and change nothing
            that is returned.

    Raises:
        InputError: an argument cannot be used; nothing has been run.
        NonFiniteError: a weight or a logit is NaN or infinite, and `on_nan` is "raise".
    """
    check_keywords("batch_evaluate", options, BatchOptions.__optional_keys__)
    # None is a choice of `evaluate` only.
    n_episodes = check_integer("n_episodes", n_episodes, least=1, most=MOST_EPISODES)
    policy = _policy_of(policy_arch, policy_shape, activation, output_activation, bias, head, noise)
    matrix: Any = weights
    if not is_population(weights, policy.n_params):
        matrix = population_matrix(flat_weights(policy, weights), policy, policy.n_params, allow_vector=False)
    given: EvaluateOptions = {**options, "episodes": n_episodes, "seeds": seeds}
    return evaluated(None, env_id, matrix, policy, given).evaluation.fitness


_POLICIES: dict[bytes, Policy] = {}
_MOST_POLICIES = 64


def _policy_of(
    arch: Any, shape: Any, activation: Any, output_activation: Any, bias: Any, head: Any, noise: Any
) -> Policy:
    """Return the policy of a shape: of those of the last calls, where nothing but Python's own types says which."""
    try:
        # Unlike equality, these bytes tell 1 from 1.0 and True, within tuples, too.
        key = marshal.dumps((arch, shape, activation, output_activation, bias, head, noise), 2)
    except ValueError:  # an object of another type
        key = b""
    if (known := _POLICIES.get(key)) is not None:
        return known
    policy = Policy.from_shape(
        arch,
        shape,
        activation=activation,
        output_activation=output_activation,
        bias=bias,
        head=head,
        noise=noise,
    )
    if key:
        if len(_POLICIES) >= _MOST_POLICIES:
            _POLICIES.clear()
        _POLICIES[key] = policy
    return policy


@spelled_out
def evaluate(
    env_id: str,
    weights: Weights | LoadedWeights,
    policy: AnyPolicy | str,
    **options: Unpack[EvaluateOptions],
) -> Evaluation:
    """Run E episodes of each of P individuals and return everything that is known of them.

    The result depends on these arguments alone, to the bit: not on the number of threads, nor on the place of an
    individual in the population. `KeyboardInterrupt` ends the call within a fraction of a second.

    Args:
        env_id: the environment, by full id or short name.
        weights: (P, D), a list of P vectors, or one vector (D,) as P = 1; arrays or PyTorch tensors. float32 in C order
            is used in place, also as a memory map that is larger than the memory; other layouts and floating dtypes are
            cast. P may be 0. Or PyTorch modules or state dicts: one, or a list of them. They must not change during the
            call, which reads them while other Python code runs (`progress`, other threads). Up to 1 MiB, and up to
            16 MiB in calls with `progress` or `cancel`, are copied beforehand, and seeds always. Or what `load_weights`
            returned: then the file's settings (what `save_weights` takes) are used that are not given here; in another
            environment than the file's, observation and normalize alone.
        policy: a Policy or its spec, such as "mlp:4-64-2". Or a GraphPolicy or its spec, such as "neat:4-2":
            then `weights` are graphs, neat-python's genomes (as they are, or as (id, genome)), `Graph` or `Graphs`.
        episodes: E for each individual; None is as many as `seeds` has, or 1.
        seeds: None for 0..E-1, the same for every individual; an integer s for s..s+E-1; unsigned 64-bit integers of
            shape (E,) for every individual or (P, E). Equal seeds are equal episodes as in Gymnasium's `reset(seed)`.
        env_kwargs: keyword arguments of the environment, as for `gymnasium.make`. A list or an array varies one: values
            of shape (P,) are for the individuals, (E,) for the episodes, (P, E) for each episode of each individual;
            (P, 1) and (1, E), too, for where P = E. Every episode is that of an environment with its values. What
            changes observations or actions (`continuous`) is not varied.
        reset_options: the options of `reset`.
        observation: what is seen of images, such as {"skip": 4, "grayscale": True, "resize": (84, 84), "stack": 4} or
            "skip=4,gray,resize=84x84,stack=4", or of vectors, "keep=0/2,stack=4"; see `ObservationOptions`.
        max_episode_steps: the time limit in steps of the environment; None is the registered one.
        on_nan: "raise", or the fitness of individuals with a weight that is not finite (they are not run) or that come
            to a logit that is not.
        keep: ("final_observation",) keeps the last observation of every episode.
        descriptors: K numbers that every episode is reduced to, such as ["last(x)", "first(y_velocity) where
            leg_contact else min(y_velocity)"]; see `Descriptor`. `make(env_id).entry.fields` has the names.
        trajectories: the individuals whose episodes are kept step by step; see `Trajectory`. What they can take is
            checked beforehand, and is 4 GiB at most.
        normalize: the mean and standard deviation that observations are normalised with before the policy sees them.
        epsilon: the probability that an action is a random one instead of the policy's, all actions being equally
            likely. This, and whatever else is drawn for actions, comes from a random stream of each episode's own,
            which the episode's seed seeds: `docs/api.md` says how.
        sticky: the probability that an action is the episode's former one again, whoever chose that.
        stop: when an episode is stopped early, such as {"patience": 100, "reward_above": 0, "return_below": -5}: after
            100 steps in a row without a reward above 0, or as soon as the return so far is below -5; {"condition": "x >
            3"} after a step of which that holds; see `StopRules`.
            Its lane takes the next episode at once. `Evaluation.stopped` and `endings` say which rule it was.
        no_ops: how many of an episode's first steps play action 0, or of a Box what is nearest to 0, whatever the
            policy says; {"count": 10, "action": 3} plays another; see `NoOps`. They are steps like any others, and
            their rewards count.
        action_repeat: each action is played this many times, or until the episode ends; the rewards are summed up, and
            the policy sees the last observation. Steps remain the environment's in lengths and `max_episode_steps`. Not
            together with the `skip` of `observation`, which is the same with the largest of the last two frames.
        collect_statistics: sum up the observations that the policies see, before they are normalised; see
            `ObservationStatistics`.
        threads: None is all cores that this process may use. Where the system does not start so many, the call goes on
            with those that it starts.
        progress: True draws a bar with the rate and the time left on stderr (a line a minute where that is no
            terminal); a function is called with (episodes done, episodes in all) about ten times a second, from the
            calling thread.
        cancel: anything with `is_set()`, such as a `threading.Event`: once another thread has set it, the call ends
            within a fraction of a second, however long a step takes.

    Raises:
        InputError: an argument cannot be used; nothing has been run.
        CancelledError: `cancel` was set before all episodes were done.
        NonFiniteError: a weight or a logit is NaN or infinite, and `on_nan` is "raise".
        OutOfMemoryError: there is no memory for the results, which is looked at before the first episode, or for a
            thread's own numbers; nothing else has happened.
        InternalError: a bug in the engine.
    """
    check_keywords("evaluate", options, EvaluateOptions.__optional_keys__)
    given: Any = weights
    loading = sys.modules.get("evalengine.policies.loading")  # who has loaded weights has imported it
    if loading is not None and isinstance(given, loading.LoadedWeights):
        given, options = given.weights, {**given.options_for(env_id), **options}
    return evaluated(None, env_id, given, policy, options).evaluation
