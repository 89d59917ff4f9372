"""`make` with rules of an episode, action repeat and Gymnasium's picture: the same episodes as `evaluate`'s."""

from __future__ import annotations

import importlib.util
from typing import Any

import gymnasium
import numpy as np
import pytest

from evalengine import InputError, MissingDependencyError, Policy, evaluate, make
from evalengine.environments.observation import ObservationOptions
from evalengine.environments.registry import EnvironmentEntry, entries

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("cartpole", {"stop": {"patience": 9, "reward_above": 1}, "no_ops": 4}, {}),
    ("cartpole", {"stop": "condition=theta > .05 and step > 8", "action_repeat": 3}, {}),
    (
        "pendulum",
        {"stop": "return_below=-100", "no_ops": {"count": 3, "action": [0.5]}, "action_repeat": 2},
        {"g": 9.0},
    ),
    ("lunarlander", {"stop": "condition=y < 0.4", "no_ops": "12:2"}, {"gravity": -8.0}),
    ("snake", {"stop": "patience=4", "action_repeat": 2}, {"time_limit": 50}),
    ("mountaincar", {"observation": "keep=0", "action_repeat": 4, "stop": "condition=step > 21"}, {}),
]


@pytest.mark.parametrize(("env_id", "options", "kwargs"), CASES)
def test_episodes_are_those_of_evaluate(env_id: str, options: dict[str, Any], kwargs: dict[str, Any]) -> None:
    env = make(env_id, max_episode_steps=150, **options, **kwargs)
    policy = Policy(env.entry.default_policy)
    weights = policy.init(3, seed=2)
    found = evaluate(
        env_id,
        weights,
        policy,
        seeds=[3, 4],
        max_episode_steps=150,
        env_kwargs=kwargs,
        trajectories=range(3),
        **options,
    )
    for individual, trajectories in found.trajectories.items():
        for episode, trajectory in enumerate(trajectories):
            observation, _ = env.reset(seed=trajectory.seed)
            assert observation.tobytes() == trajectory.observations[0].tobytes()
            for step, action in enumerate(trajectory.actions):
                given: Any = action if action.ndim else int(action)
                observation, reward, terminated, truncated, info = env.step(given)
                assert observation.tobytes() == trajectory.observations[step + 1].tobytes()
                assert np.float64(reward).tobytes() == trajectory.rewards[step].tobytes()
                assert (terminated or truncated) == (step + 1 == len(trajectory.actions))
            assert (terminated, truncated) == (trajectory.terminated, trajectory.truncated)
            ending = str(found.endings[individual, episode])
            assert info == ({"stopped": ending} if found.stopped[individual, episode] else {})
    assert found.stopped.any()


def test_first_steps_are_the_rules_whatever_is_given() -> None:
    env, other = make("pendulum", no_ops={"count": 2, "action": [1.5]}), make("pendulum")
    env.reset(seed=1)
    other.reset(seed=1)
    for step in range(4):
        expected = other.step(np.array([1.5 if step < 2 else -0.5], np.float32))
        assert env.step(np.array([-0.5], np.float32))[0].tobytes() == expected[0].tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action_repeat": 0}, "action_repeat: expected an integer from 1 to 2147483647, got 0"),
        ({"stop": {"condition": "z > 1"}}, "stop: condition: .*"),
        ({"no_ops": {"count": 1, "action": 7}}, "no_ops: action: expected an integer from 0 to 1, got 7"),
        ({"render_mode": "ansi"}, "render_mode: expected human or rgb_array, got 'ansi'"),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        make("cartpole", **options)


def test_a_repetition_and_a_skip_are_one_too_many() -> None:
    message = "^action_repeat: expected either it or a skip of the observation, got 2 and skip=4$"
    with pytest.raises(InputError, match=message):
        make("carracing", observation="skip=4", action_repeat=2)
    with pytest.raises(InputError, match=message):
        evaluate("carracing", np.zeros(82947), "mlp:27648-3", observation="skip=4", action_repeat=2)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_spaces_are_gymnasiums(entry: EnvironmentEntry) -> None:
    from evalengine.references import reference

    env, theirs = make(entry.id), reference(entry.id).make()
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert env.observation_space == theirs.observation_space
    assert env.action_space == theirs.action_space
    # One space, as in Gymnasium: what it was seeded with is what it draws from.
    draws = []
    for space in (env.action_space, theirs.action_space):
        space.seed(0)
        draws.append(space.sample())
    assert env.action_space is env.action_space and env.observation_space is env.observation_space
    np.testing.assert_array_equal(*draws)
    env.step(draws[0])
    theirs.close()
    env.close()


@pytest.mark.parametrize(
    ("env_id", "spec"),
    [
        ("cartpole", "keep=0/2,clip=-1/4.5,stack=3"),
        ("bipedalwalker", "skip=2,stack=2,padding=zero"),
        ("carracing", "crop=0/12/6/6,subsample=8x8,channel=1"),
        ("carracing", "gray,resize=20x30,stack=2,scale"),
    ],
)
def test_spaces_of_other_observations_are_those_of_gymnasiums_wrappers(env_id: str, spec: str) -> None:
    from evalengine.references import reference
    from evalengine.references.wrappers import wrapped

    env = make(env_id, observation=spec)
    theirs = wrapped(reference(env_id).make(), ObservationOptions.of(spec))
    assert env.observation_space == theirs.observation_space
    theirs.close()


def frames_of(*envs: Any) -> list[Any]:
    return [env.render() for env in envs]


def test_pictures_are_gymnasiums() -> None:
    env = make("cartpole", render_mode="rgb_array", no_ops=2, action_repeat=2, max_episode_steps=30)
    theirs = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    with pytest.raises(InputError, match=r"^render: expected reset\(\) first, got no episode of CartPole-v1$"):
        env.render()
    env.reset(seed=3, options={"low": -0.1})
    theirs.reset(seed=3, options={"low": -0.1})
    for step in range(4):
        env.step(1)
        for _ in range(2):
            theirs.step(0 if step < 2 else 1)
        assert np.array_equal(*frames_of(env, theirs))
    env.reset()
    theirs.reset()
    assert np.array_equal(*frames_of(env, theirs))
    env.close()
    with pytest.raises(InputError, match=r"^render: expected make\('CartPole-v1', render_mode='rgb_array'\)"):
        make("cartpole").render()
    snake = make("snake", render_mode="rgb_array")
    snake.reset(seed=0)
    assert np.asarray(snake.render()).ndim == 3


def test_without_gymnasium_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = r"^gymnasium is not installed: pip install 'evalengine\[gymnasium\]'$"
    for use in (lambda: make("cartpole", render_mode="human"), lambda: make("cartpole").action_space):
        with pytest.raises(MissingDependencyError, match=message):
            use()
