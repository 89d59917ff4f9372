"""What is looked at of results: one line, however large they are, tables, and what to pass for what is not there."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from evalengine import Evaluation, InputError, ObservationStatistics, Policy, evaluate, load_weights, save_weights

POLICY = Policy("mlp:4-8-2")
POPULATION = POLICY.init(64, seed=0)
DESCRIPTORS = ["last(x)", "max(theta)", "last(x)"]


@pytest.fixture(scope="module")
def everything() -> Evaluation:
    """With all that can be asked for."""
    return evaluate(
        "cartpole",
        POPULATION,
        POLICY,
        episodes=3,
        keep=("final_observation",),
        descriptors=DESCRIPTORS,
        trajectories=range(64),
        collect_statistics=True,
    )


def test_an_evaluation_is_one_line(everything: Evaluation) -> None:
    fitness = everything.fitness.astype(np.float64)
    expected = (
        "Evaluation(64 individuals, 3 episodes each: "
        f"fitness {fitness.min():.6g} to {fitness.max():.6g}, mean {fitness.mean():.6g}; "
        f"{everything.lengths.sum():,} steps in {everything.seconds:.3g} s; "
        "with final_observation, descriptors, trajectories, statistics)"
    )
    assert repr(everything) == expected
    one = repr(evaluate("cartpole", POPULATION[:1], POLICY))
    assert re.fullmatch(r"Evaluation\(1 individual, 1 episode each: fitness .+ s\)", one)


def test_failures_and_nobody_are_said() -> None:
    population = POPULATION.copy()
    population[[3, 5], 0] = np.nan
    failed = evaluate("cartpole", population, POLICY, on_nan=float("nan"))
    assert "; 2 failed)" in repr(failed)
    assert "fitness nan" not in repr(failed)
    nobody = evaluate("cartpole", POPULATION[:0], POLICY)
    assert repr(nobody).startswith("Evaluation(0 individuals, 1 episode each: fitness of nobody; 0 steps in ")
    assert "<td>-</td>" in nobody._repr_html_()


def test_notebooks_get_a_table(everything: Evaluation) -> None:
    table = ElementTree.fromstring(everything._repr_html_())
    rows = {row[0].text: row[1].text for row in table.iter("tr")}
    assert rows["individuals x episodes"] == "64 x 3"
    assert (rows["steps"] or "").startswith(f"{everything.steps:,} in ")
    assert rows["terminated, truncated"] == f"{everything.terminated.sum():,}, {everything.truncated.sum():,}"
    assert rows["failed"] == "0"


def test_the_best_is_the_first_of_the_fittest() -> None:
    result = evaluate("cartpole", np.repeat(POPULATION[:8], 2, axis=0), POLICY, episodes=2)
    assert result.best == int(np.argmax(result.fitness))
    assert result.best % 2 == 0
    population = POPULATION[:4].copy()
    population[0, 0] = np.nan
    assert evaluate("cartpole", population, POLICY, on_nan=float("nan")).best > 0
    with pytest.raises(InputError, match=r"^best: expected an individual with a fitness, got 0 individuals, 1 episode"):
        _ = evaluate("cartpole", POPULATION[:0], POLICY).best
    population[:, 0] = np.nan
    with pytest.raises(InputError, match=r"^best: expected an individual with a fitness, got 4 individuals"):
        _ = evaluate("cartpole", population, POLICY, on_nan=float("nan")).best


def test_a_frame_has_a_row_for_each_episode(everything: Evaluation) -> None:
    frame = everything.to_frame()
    assert list(frame.columns) == [
        *("individual", "episode", "seed", "fitness", "return", "length", "terminated", "truncated"),
        *("failed", "ending"),
        *DESCRIPTORS,
    ]
    assert len(frame) == 64 * 3
    for individual, episode in ((0, 0), (7, 2), (63, 1)):
        row = frame.iloc[individual * 3 + episode]
        assert (row["individual"], row["episode"]) == (individual, episode)
        assert row["seed"] == everything.seeds[individual, episode]
        assert row["fitness"] == everything.fitness[individual]
        assert row["return"] == everything.returns[individual, episode]
        assert row["length"] == everything.lengths[individual, episode]
        assert row.iloc[10:].tolist() == everything.descriptors[individual, episode].tolist()
    assert frame.dtypes["seed"] == np.uint64
    plain = evaluate("cartpole", POPULATION[:0], POLICY).to_frame()
    assert (len(plain), list(plain.columns)) == (0, list(frame.columns[:10]))


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("final_observation", "keep=('final_observation',)"),
        ("descriptors", "descriptors=[...]"),
        ("trajectories", "trajectories=[...]"),
        ("statistics", "collect_statistics=True"),
    ],
)
def test_what_was_not_asked_for_says_what_to_pass(name: str, argument: str) -> None:
    result = evaluate("cartpole", POPULATION[:2], POLICY)
    with pytest.raises(InputError, match=f"^{re.escape(f'{name}: not kept by this call; pass {argument}')}$"):
        getattr(result, name)


def test_other_results_are_one_line(everything: Evaluation, tmp_path: Path) -> None:
    trajectories = everything.trajectories
    assert repr(trajectories) == f"Trajectories(64 individuals, 192 episodes, {everything.steps:,} actions)"
    trajectory = trajectories[0][1]
    assert repr(trajectory) == (
        f"Trajectory({everything.lengths[0, 1]:,} actions, observations float32 (4,), terminated, seed 1)"
    )
    cut = evaluate("cartpole", POPULATION[:1], POLICY, max_episode_steps=2, trajectories=[0]).trajectories[0][0]
    assert repr(cut) == "Trajectory(2 actions, observations float32 (4,), truncated, seed 0)"
    assert repr(everything.statistics) == f"ObservationStatistics({everything.steps:,} observations of shape (4,))"
    path = tmp_path / "weights.npy"
    save_weights(path, POPULATION, policy=POLICY, env_id="CartPole-v1", max_episode_steps=200)
    assert repr(load_weights(path)) == (
        f"LoadedWeights(64 x mlp:4-8-2 for CartPole-v1 with max_episode_steps, {str(path)!r})"
    )
    bare = tmp_path / "bare.npy"
    np.save(bare, POPULATION)
    assert repr(load_weights(bare)) == f"LoadedWeights(64 x {POLICY.n_params} numbers, {str(bare)!r})"


def test_notebooks_get_tables_of_other_results_too(everything: Evaluation, tmp_path: Path) -> None:
    def cells(shown: Any) -> dict[str, str]:
        table = shown._repr_html_()
        assert table.startswith(f"<table><caption>{type(shown).__name__}</caption><tr>") and "\n" not in table
        return dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", table))

    trajectory = everything.trajectories[0][1]
    assert cells(trajectory) == {
        "seed": "1",
        "actions": f"{len(trajectory.actions)} of int64 ()",
        "observations": f"{len(trajectory.actions) + 1} of float32 (4,)",
        "return": f"{everything.returns[0, 1]:g}",
        "ending": "terminated",
    }
    seen = everything.statistics
    assert cells(seen) == {
        "observations": f"{everything.steps:,}",
        "shape": "(4,)",
        "mean": f"{seen.mean.min():.6g} to {seen.mean.max():.6g}",
        "standard deviation": f"{seen.std.min():.6g} to {seen.std.max():.6g}",
    }
    assert cells(Policy("cnn:3x96x96-16k8s4-lstm32-3,head=clip")) == {
        "spec": "cnn:3x96x96-16k8s4-lstm32-3,head=clip",
        "weights": f"{Policy('cnn:3x96x96-16k8s4-lstm32-3').n_params:,}",
        "inputs": "3 x 96 x 96",
        "outputs": "3",
        "hidden activations": "relu, identity",
        "output activation": "identity",
        "head": "clip",
        "state": "64 numbers",
    }
    path = tmp_path / "<b>.npy"
    save_weights(path, POPULATION, policy=POLICY, env_id="CartPole-v1", stop="condition=x < 1", no_ops=3)
    assert cells(load_weights(path)) == {
        "file": html.escape(str(path)),
        "individuals": f"64 of {POLICY.n_params} weights",
        "policy": "mlp:4-8-2",
        "environment": "CartPole-v1",
        "settings": "stop condition=x &lt; 1.0; no_ops 3",
    }


def test_a_normalisation_is_one_line(everything: Evaluation) -> None:
    assert repr(everything.statistics.normalization(clip=5)) == "Normalization(mean and std of shape (4,), clip 5.0)"


def test_statistics_of_generations_are_a_sum(everything: Evaluation) -> None:
    other = evaluate("cartpole", POPULATION, POLICY, seeds=[9], collect_statistics=True).statistics
    both, summed = everything.statistics + other, sum([everything.statistics, other])
    assert isinstance(summed, ObservationStatistics)
    assert (summed.count, summed.sum.tolist()) == (both.count, both.sum.tolist())
    with pytest.raises(TypeError):
        sum([other], start=1)
