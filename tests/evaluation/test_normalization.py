"""Observations normalised as PyTorch normalises them, bit for bit, and their statistics in a fixed order."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evalengine import Evaluation, Normalization, ObservationStatistics, Policy, batch_evaluate, evaluate
from evalengine.environments.registry import describe
from evalengine.errors import InputError

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def drawn(shape: tuple[int, ...], seed: int, clip: float | None = None) -> Normalization:
    """A normalisation without two equal values."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(scale=0.3, size=shape).astype(np.float32)
    return Normalization(mean, rng.uniform(0.2, 3.0, size=shape).astype(np.float32), clip)


def with_torch(normalize: Normalization, observations: NDArray[Any]) -> NDArray[np.float32]:
    """(x - mean) / std of all observations, by PyTorch in float32; bytes as byte / 255."""
    x = torch.from_numpy(observations)
    x = x.float() / 255 if x.dtype == torch.uint8 else x
    normalized = (x - torch.from_numpy(normalize.mean)) / torch.from_numpy(normalize.std)
    if normalize.clip is not None:
        normalized = torch.clamp(normalized, -normalize.clip, normalize.clip)
    array: NDArray[np.float32] = normalized.numpy()
    return array


def pendulum_actions(normalize: Normalization, component: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """The torques of a policy that shows one component of what it sees, and the observations."""
    policy = Policy("mlp:3-1,bias=0,head=clip")
    weights = np.eye(3, dtype=np.float32)[component]
    result = evaluate("pendulum", weights, policy, episodes=6, seeds=5, trajectories=[0], normalize=normalize)
    episodes = result.trajectories[0]
    actions = np.concatenate([episode.actions[:, 0] for episode in episodes])
    return actions, np.concatenate([episode.observations[:-1] for episode in episodes])


@pytest.mark.parametrize("clip", [None, 0.75, math.inf])
@pytest.mark.parametrize("component", [0, 1, 2])
def test_what_a_policy_sees_has_torchs_bits(component: int, clip: float | None) -> None:
    normalize = drawn((3,), seed=component, clip=clip)
    actions, observations = pendulum_actions(normalize, component)
    expected = np.clip(with_torch(normalize, observations)[:, component], -2, 2)
    assert len(np.unique(actions)) > 20
    assert actions.tobytes() == expected.tobytes()


def test_the_comparison_sees_one_unit_in_the_last_place() -> None:
    normalize = drawn((3,), seed=1)
    actions, observations = pendulum_actions(normalize, 1)
    for name in ("mean", "std"):
        changed = dataclasses.replace(normalize, **{name: np.nextafter(getattr(normalize, name), np.float32(9))})
        expected = np.clip(with_torch(changed, observations)[:, 1], -2, 2)
        assert actions.tobytes() != expected.tobytes()


# Three values of the picture, by (row, column, channel), steer, accelerate and brake.
PIXELS = ((60, 40, 0), (70, 48, 1), (30, 50, 2))


@pytest.mark.parametrize("arch", ["mlp", "cnn"])
def test_images_are_normalised_after_their_division_by_255(arch: str) -> None:
    normalize = drawn((96, 96, 3), seed=4)
    weights = np.zeros((3, 96, 96, 3), dtype=np.float32)
    for output, pixel in enumerate(PIXELS):
        weights[output][pixel] = 1
    if arch == "mlp":
        policy, vector = Policy("mlp:27648-3,bias=0,head=clip"), weights.ravel()
    else:
        policy = Policy("cnn:3x96x96-3k96-3,bias=0,head=clip")  # relu between: what is below 0 is 0
        vector = np.concatenate([np.moveaxis(weights, -1, 1).ravel(), np.eye(3, dtype=np.float32).ravel()])
    result = evaluate(
        "carracing", vector, policy, max_episode_steps=12, seeds=[3], trajectories=[0], normalize=normalize
    )
    [episode] = result.trajectories[0]
    normalized = with_torch(normalize, episode.observations[:-1])
    expected = np.stack([normalized[:, *pixel] for pixel in PIXELS], axis=-1)
    low = np.array([0.0 if arch == "cnn" else -1.0, 0.0, 0.0], dtype=np.float32)
    assert episode.actions.tobytes() == np.clip(expected, low, np.float32(1)).tobytes()
    assert (episode.actions != 0).any()


def test_a_stack_of_coloured_frames_has_a_mean_of_its_shape() -> None:
    shape = describe("carracing", None, "stack=2,resize=8x6").observation_shape
    assert shape == (2, 8, 6, 3)
    normalize = drawn(shape, seed=5)
    place = (1, 5, 2, 1)
    weights = np.zeros((3, *shape), dtype=np.float32)
    weights[0][place] = 1
    kernels = np.moveaxis(weights, -1, 2)  # outputs, frames, channels, rows, columns
    policy = Policy("cnn:6x8x6-3k8x6-3,bias=0,head=clip")
    vector = np.concatenate([kernels.ravel(), np.eye(3, dtype=np.float32).ravel()])
    options: dict[str, Any] = {"observation": "stack=2,resize=8x6", "max_episode_steps": 9, "trajectories": [0]}
    result = evaluate("carracing", vector, policy, normalize=normalize, **options)
    [episode] = result.trajectories[0]
    seen = with_torch(normalize, episode.observations[:-1])[:, *place]
    assert episode.actions[:, 0].tobytes() == np.clip(seen, np.float32(0), np.float32(1)).tobytes()
    assert (episode.actions[:, 0] > 0).any()


def test_batch_evaluate_normalises_too() -> None:
    policy, normalize = Policy("mlp:4-8-2"), drawn((4,), seed=0)
    population = policy.init(6, seed=0)
    expected = evaluate("cartpole", population, policy, episodes=3, normalize=normalize).fitness
    fitness = batch_evaluate("cartpole", population, 3, "mlp", (4, 8, 2), normalize=normalize)
    assert fitness.tobytes() == expected.tobytes()
    assert fitness.tobytes() != evaluate("cartpole", population, policy, episodes=3).fitness.tobytes()


def test_nothing_is_done_by_mean_0_and_std_1() -> None:
    policy = Policy("mlp:8-8-4")
    nothing = Normalization(np.zeros(8, dtype=np.float32), np.ones(8, dtype=np.float32))
    population = policy.init(5, seed=0)
    plain = evaluate("lunarlander", population, policy, episodes=2)
    normalised = evaluate("lunarlander", population, policy, episodes=2, normalize=nothing)
    assert normalised.returns.tobytes() == plain.returns.tobytes()


# --- statistics


def summed(result: Evaluation) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Count, sums and squares of what policies saw, in the order of the contract, from trajectories of everybody."""
    parts: list[Pair] = []
    count = 0
    for individual in sorted(result.trajectories):
        for episode in result.trajectories[individual]:
            seen = episode.observations[:-1]
            seen = seen / np.float32(255) if seen.dtype == np.uint8 else seen
            total, squares = np.zeros(seen.shape[1:]), np.zeros(seen.shape[1:])
            for row in seen.astype(np.float64):
                total, squares = total + row, squares + row * row
            parts.append((total, squares))
            count += len(seen)
    while len(parts) > 1:
        pairs = [parts[start : start + 2] for start in range(0, len(parts), 2)]
        parts = [(pair[0][0] + pair[1][0], pair[0][1] + pair[1][1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return count, *parts[0]


CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "cartpole": ("mlp:4-8-2", 7, {}),
    "lunarlander": ("mlp:8-8-4", 5, {}),
    "snake": ("cnn:5x12x12-4k3-8-4", 3, {}),
    "carracing": ("cnn:3x96x96-4k8s8-8-3", 1, {"max_episode_steps": 8}),
    "carracing stack": ("cnn:6x20x24-4k8s8-8-3", 1, {"max_episode_steps": 8, "observation": "resize=20x24,stack=2"}),
}


@pytest.mark.parametrize("case", CASES)
def test_statistics_are_of_what_policies_saw_whatever_the_threads(case: str) -> None:
    spelling, size, options = CASES[case]
    env_id, policy = case.split()[0], Policy(spelling)
    entry = describe(env_id, None, options.get("observation"))
    population = policy.init(size, seed=2)
    run: Callable[..., Evaluation] = lambda **more: evaluate(  # noqa: E731
        env_id,
        population,
        policy,
        episodes=3,
        collect_statistics=True,
        normalize=drawn(entry.observation_shape, seed=6),
        **options,
        **more,
    )
    result = run(trajectories=range(size), threads=1)
    count, total, squares = summed(result)
    for other in (result, *(run(threads=threads) for threads in (2, 3, 5))):
        assert other.statistics.count == count == result.lengths.sum()
        assert other.statistics.sum.shape == other.statistics.sum_of_squares.shape == entry.observation_shape
        assert other.statistics.sum.tobytes() == total.tobytes()
        assert other.statistics.sum_of_squares.tobytes() == squares.tobytes()


def test_statistics_of_generations_add_up_to_a_normalisation() -> None:
    policy = Policy("mlp:4-8-2")
    one, other = (
        evaluate("cartpole", policy.init(4, seed=seed), policy, episodes=2, collect_statistics=True).statistics
        for seed in (0, 1)
    )
    assert one is not None and other is not None
    both = one + other
    assert both.count == one.count + other.count
    assert (both.sum == one.sum + other.sum).all()
    assert (both.mean == both.sum / both.count).all()
    assert (both.std == np.sqrt(both.sum_of_squares / both.count - both.mean**2)).all()
    normalize = both.normalization(least_std=0.1, clip=5)
    assert normalize.mean.tobytes() == both.mean.astype(np.float32).tobytes()
    assert normalize.std.tobytes() == np.maximum(both.std, 0.1).astype(np.float32).tobytes()
    assert (normalize.std.min(), normalize.clip) == (np.float32(0.1), 5.0)
    with pytest.raises(InputError, match=r"^statistics: expected the same shapes, got \(4,\) and \(2,\)$"):
        both + ObservationStatistics(1, np.zeros(2), np.zeros(2))


def test_a_component_that_never_changes_has_the_least_std() -> None:
    # 0.1 in float32, summed up: the variance comes out just below 0.
    value = float(np.float32(0.1))
    statistics = ObservationStatistics(3, np.full(1, value * 3), np.full(1, value * value * 3 * (1 - 1e-15)))
    assert statistics.std[0] == 0
    assert statistics.normalization().std[0] == np.float32(0.01)


def test_failed_episodes_do_not_count_and_of_none_there_is_no_normalisation() -> None:
    policy = Policy("mlp:4-2")
    population = policy.init(2, seed=0)
    population[0, 0] = np.inf
    options: dict[str, Any] = {"on_nan": 0.0, "collect_statistics": True}
    both = evaluate("cartpole", population, policy, **options).statistics
    alone = evaluate("cartpole", population[1:], policy, **options).statistics
    nothing = evaluate("cartpole", population[:1], policy, **options).statistics
    assert both is not None and alone is not None and nothing is not None
    assert (both.count, both.sum.tobytes()) == (alone.count, alone.sum.tobytes())
    assert nothing.count == 0 and np.isnan(nothing.mean).all() and np.isnan(nothing.std).all()
    with pytest.raises(InputError, match=r"^statistics: expected at least one observation, got none$"):
        nothing.normalization()
    with pytest.raises(InputError, match=r"^statistics: not kept by this call; pass "):
        _ = evaluate("cartpole", population[1:], policy).statistics


# --- what cannot be used


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normalization([0.0, np.nan], [1.0, 1.0]), "mean: expected finite numbers, got nan at position (1,)"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0], [np.inf]), "std: expected finite numbers, got inf at position (0,)"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0, 0.0], [1.0, 0.0]), "std: expected numbers above 0, got 0.0 at position (1,)"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0], [-1.0]), "std: expected numbers above 0, got -1.0 at position (0,)"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0], [1e-60]), "std: expected numbers above 0, got 0.0 at position (0,)"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0, 0.0], [1.0]), "std: expected the mean's shape (2,), got (1,)"),  # type: ignore[arg-type]
        (
            lambda: Normalization([0], [1]),  # type: ignore[arg-type]
            "mean: expected float32 (float64 and float16 are cast), got int64: if they are meant, cast them with "
            ".astype(np.float32) or .float()",
        ),
        (lambda: Normalization([0.0], [1.0], 0), "clip: expected a number above 0, got 0"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0], [1.0], True), "clip: expected a number above 0, got True"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0], [1.0], "5"), "clip: expected a number above 0, got '5'"),  # type: ignore[arg-type]
        (lambda: Normalization([0.0], [1.0], np.nan), "clip: expected a number above 0, got nan"),  # type: ignore[arg-type]
    ],
)
def test_what_normalises_nothing_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == f"normalize: {message}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalize": drawn((8,), 0)}, "normalize: expected the shape (4,) of CartPole-v1's observations, got (8,)"),
        ({"normalize": (0.0, 1.0)}, "normalize: expected a Normalization(mean, std), got tuple"),
        ({"collect_statistics": 1}, "collect_statistics: expected True or False, got 1"),
    ],
)
def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(1, seed=0), policy, **options)
    assert str(refused.value) == message


@pytest.mark.parametrize("least_std", [0.0, -1.0, math.nan, True, "small"])
def test_the_least_std_is_above_0(least_std: Any) -> None:
    statistics = ObservationStatistics(1, np.zeros(1), np.zeros(1))
    with pytest.raises(InputError) as refused:
        statistics.normalization(least_std=least_std)
    assert str(refused.value) == f"least_std: expected a number above 0, got {least_std!r}"
