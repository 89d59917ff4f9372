"""What was given to a call, and what it gave, may be changed afterwards without changing anything else."""

from __future__ import annotations

import pickle
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import pytest
import torch

import evalengine
from evalengine.arguments import seed_matrix

POLICY = evalengine.Policy("mlp:3-2-1")
POPULATION = POLICY.init(3, seed=0)
SEEDS = np.arange(6, dtype=np.uint64).reshape(3, 2)


@pytest.mark.parametrize(
    "seeds",
    [
        SEEDS.copy(),
        SEEDS[0].copy(),
        SEEDS.astype(np.int64),
        np.asfortranarray(SEEDS),
        torch.from_numpy(SEEDS.astype(np.int64)),
        SEEDS.tolist(),
    ],
)
def test_the_seeds_of_a_result_are_its_own(seeds: Any) -> None:
    result = evalengine.evaluate("pendulum", POPULATION, POLICY, seeds=seeds, max_episode_steps=1)
    before = result.seeds.tolist()
    for row in range(len(seeds)):
        seeds[row] = seeds[row] if isinstance(seeds, list) else seeds[row] + 1
    assert result.seeds.tolist() == before
    assert not np.shares_memory(result.seeds, np.asarray(seeds))


@pytest.mark.parametrize("seeds", [None, 5, [5, 6], SEEDS, SEEDS[0]])
def test_the_seeds_of_a_result_are_read_only(seeds: Any) -> None:
    found = evalengine.evaluate("pendulum", POPULATION, POLICY, seeds=seeds, max_episode_steps=1).seeds
    with pytest.raises(ValueError, match="read-only"):
        found += np.uint64(1)
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        found.flags.writeable = True
    with pytest.raises(ValueError, match="read-only"):
        seed_matrix(seeds, None, 3)[0] = 0


def test_a_normalization_keeps_what_was_checked() -> None:
    mean, std = np.zeros(3, np.float32), np.ones(3, np.float32)
    normalize = evalengine.Normalization(mean, std)
    mean += 1
    std[:] = np.nan
    assert normalize.mean.tolist() == [0, 0, 0] and normalize.std.tolist() == [1, 1, 1]


def test_statistics_keep_what_was_given() -> None:
    first, squares = np.zeros(3), np.ones(3)
    statistics = evalengine.ObservationStatistics(1, first, squares)
    first += 1
    squares += 1
    assert statistics.sum.tolist() == [0, 0, 0] and statistics.sum_of_squares.tolist() == [1, 1, 1]


def test_an_environments_entry_is_its_own() -> None:
    entry = evalengine.make("pendulum").entry
    assert isinstance(entry.kwargs, dict) and isinstance(entry.reset_options, dict)
    entry.kwargs["g"] = 0.0
    entry.reset_options.clear()
    other = evalengine.make("pendulum").entry
    assert other.kwargs == {"g": 10.0} and other.reset_options == {"x_init": np.pi, "y_init": 1.0}
    assert pickle.loads(pickle.dumps(other)) == other


class Late(Executor):
    """Runs a share when its result is asked for: then the arguments are what they have become by then."""

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Any:
        future: Future[Any] = Future()
        future.result = lambda timeout=None: function(*arguments)  # type: ignore[method-assign]
        return future


def test_shares_are_played_with_what_was_given_at_first() -> None:
    """A caller that changes its arguments while shares are on their way, as progress lets it, changes no share."""

    def arguments() -> dict[str, Any]:
        return {
            "seeds": SEEDS.copy(),
            "env_kwargs": {"g": 9.0},
            "reset_options": {"x_init": 0.5},
            "descriptors": ["last(theta_dot)"],
            "trajectories": [0, 2],
            "normalize": evalengine.Normalization(np.zeros(3, np.float32), np.full(3, 2.0, np.float32)),
        }

    given = arguments()

    def change(done: int, total: int) -> None:
        given["seeds"] += np.uint64(100)
        given["env_kwargs"]["g"] = 1.0
        given["reset_options"]["x_init"] = 0.0
        given["descriptors"][0] = "max(reward)"
        given["trajectories"].clear()
        given["normalize"].std[:] = 100.0

    found = evalengine.evaluate_on(Late(), "pendulum", POPULATION, POLICY, shares=3, progress=change, **given)
    expected = evalengine.evaluate("pendulum", POPULATION, POLICY, **arguments())
    assert found.returns.tolist() == expected.returns.tolist()
    assert found.seeds.tolist() == SEEDS.tolist()
    assert found.descriptors.tolist() == expected.descriptors.tolist()
    assert list(found.trajectories) == [0, 2]


def test_options_for_images_are_copies_too() -> None:
    options: dict[str, Any] = {"skip": 2, "resize": [8, 8]}
    found = evalengine.ObservationOptions.of(options)
    options["skip"] = 4
    options["resize"][0] = 9
    assert str(found) == "skip=2,resize=8x8"


def test_results_share_no_memory() -> None:
    found = evalengine.evaluate(
        "pendulum", POPULATION, POLICY, seeds=SEEDS, keep=("final_observation",), trajectories=[0, 1]
    )
    arrays = [value for value in vars(found).values() if isinstance(value, np.ndarray)] + [found.final_observation]
    for episodes in found.trajectories.values():
        arrays += [array for episode in episodes for array in (episode.observations, episode.actions, episode.rewards)]
    assert len(arrays) > 15
    for position, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in (POPULATION, SEEDS, *arrays[:position]))


def test_seeds_of_a_population_of_none() -> None:
    """One row for each individual, of which there is none: what workers are asked is nothing."""
    found = evalengine.evaluate_on(Late(), "pendulum", POPULATION[:0], POLICY, seeds=np.zeros((0, 3), int))
    expected = evalengine.evaluate("pendulum", POPULATION[:0], POLICY, seeds=np.zeros((0, 3), int))
    assert found.returns.shape == found.seeds.shape == expected.returns.shape == (0, 3)


@pytest.mark.parametrize("progress", [5, "print", [print]])
def test_a_progress_that_is_no_function_is_found_before_any_share(progress: Any) -> None:
    with pytest.raises(evalengine.InputError, match=r"^progress: expected True or a function of \(done, total\), got "):
        evalengine.evaluate_on(Late(), "pendulum", POPULATION, POLICY, progress=progress)


def test_state_dicts_by_number_are_refused() -> None:
    weights: Any = {0: POPULATION[0], 1: POPULATION[1]}
    with pytest.raises(evalengine.InputError) as refused:
        evalengine.evaluate("pendulum", weights, POLICY)
    assert str(refused.value) == "weights: state dict: expected names to be strings, got 0"
