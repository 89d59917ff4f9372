"""Bad input of an evaluation is refused in one line, before any work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from evalengine import _engine
from evalengine.errors import InputError
from evalengine.evaluation.evaluate import batch_evaluate, evaluate
from evalengine.policies.policy import Policy

CARTPOLE = Policy("mlp:4-8-2")
POPULATION = CARTPOLE.init(5, seed=0)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if the extension is asked to evaluate."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an evaluation was started")

    monkeypatch.setattr(_engine, "evaluate", refuse)
    yield


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": np.zeros((5, 57))}, "weights: expected shape (P, 58) for mlp:4-8-2, got (5, 57)"),
        (
            {"weights": np.zeros((5, 58), int)},
            "weights: expected float32 (float64 and float16 are cast), got int64: if they are meant, cast them with "
            ".astype(np.float32) or .float()",
        ),
        (
            {"policy": "mlp:5-8-2"},
            "policy: CartPole-v1 needs 4 inputs and 2 outputs, got mlp:5-8-2 (5 inputs, 2 outputs)",
        ),
        ({"policy": 5}, "policy: expected a spec such as 'mlp:4-64-2', got int"),
        ({"policy": (4, 64, 2)}, "policy: expected a spec such as 'mlp:4-64-2', got tuple: write 'mlp:4-64-2'"),
        (
            {"env_id": "CarRacing-v3", "policy": "cnn:4x84x84-8k8s8-3"},
            "policy: CarRacing-v3 needs 3x96x96 inputs and 3 outputs, got cnn:4x84x84-8k8s8-3 (4x84x84 inputs, 3 "
            "outputs); observation='gray,resize=84x84,stack=4' (--observation gray,resize=84x84,stack=4) gives such "
            "inputs",
        ),
        (
            {"env_id": "CarRacing-v3", "policy": "mlp:7056-5"},
            "policy: CarRacing-v3 needs 27648 inputs and 3 outputs, got mlp:7056-5 (7056 inputs, 5 outputs); "
            "observation='gray,resize=84x84' (--observation gray,resize=84x84) gives such inputs",
        ),
        ({"episodes": 0}, "episodes: expected an integer from 1 to 1073741824, got 0"),
        ({"seeds": -1}, "seeds: expected integers from 0 to 2**64 - 1, got -1 to -1"),
        ({"seeds": [1.5]}, "seeds: expected integers from 0 to 2**64 - 1, got 1.5 at position (0)"),
        ({"seeds": [1, 2], "episodes": 3}, "seeds: expected shape (3,) or (5, 3), got (2,)"),
        ({"threads": 0}, "threads: expected an integer from 1 to 1024, got 0"),
        ({"threads": -2}, "threads: expected an integer from 1 to 1024, got -2"),
        ({"threads": 1.0}, "threads: expected an integer from 1 to 1024, got 1.0"),
        ({"max_episode_steps": 0}, "max_episode_steps: expected an integer from 1 to 2147483647, got 0"),
        ({"max_episode_steps": "9"}, "max_episode_steps: expected an integer from 1 to 2147483647, got '9'"),
        ({"on_nan": "ignore"}, "on_nan: expected 'raise' or a number, got 'ignore'"),
        ({"on_nan": None}, "on_nan: expected 'raise' or a number, got None"),
        ({"on_nan": True}, "on_nan: expected 'raise' or a number, got True"),
        ({"env_kwargs": 5}, "env_kwargs: expected a mapping of names to numbers, got 5"),
        ({"progress": 1}, "progress: expected True or a function of (done, total), got 1"),
        ({"keep": ("observations",)}, "keep: expected () or ('final_observation',), got ('observations',)"),
        ({"keep": "final_observation"}, "keep: expected () or ('final_observation',), got 'final_observation'"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"env_id": "cartpole", "weights": POPULATION, "policy": CARTPOLE} | options
    with pytest.raises(InputError) as refused:
        evaluate(**arguments)
    assert str(refused.value) == message


@pytest.mark.usefixtures("no_work")
def test_reset_options_are_a_mapping() -> None:
    options: Any = ["low"]
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", POPULATION, CARTPOLE, reset_options=options)
    assert str(refused.value) == "reset_options: expected a mapping of names to numbers, got ['low']"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"env_id": "cartpol"}, ["cartpol", "cartpole"]),
        ({"env_kwargs": {"sutton_barto": True}}, ["sutton_barto", "sutton_barto_reward"]),
        ({"env_kwargs": {"sutton_barto_reward": 1.5}}, ["sutton_barto_reward", "1.5"]),
        ({"reset_options": {"lo": 0.0}}, ["lo", "low"]),
        ({"reset_options": {"low": 1.0, "high": 0.0}}, ["low", "high"]),
    ],
)
def test_what_the_extension_refuses_is_one_line_too(options: dict[str, Any], parts: list[str]) -> None:
    arguments: dict[str, Any] = {"env_id": "cartpole", "weights": POPULATION, "policy": CARTPOLE} | options
    with pytest.raises(InputError) as refused:
        evaluate(**arguments)
    assert all(part in str(refused.value) for part in parts)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": POPULATION[0]}, "weights: expected shape (P, 58) for mlp:4-8-2, got (58,)"),
        ({"n_episodes": None}, "n_episodes: expected an integer from 1 to 1073741824, got None"),
        ({"n_episodes": 0}, "n_episodes: expected an integer from 1 to 1073741824, got 0"),
        ({"n_episodes": 2, "seeds": [1]}, "seeds: expected shape (2,) or (5, 2), got (1,)"),
        ({"policy_arch": "rnn"}, "policy_arch: expected 'mlp' or 'cnn', got 'rnn'"),
        ({"policy_shape": (4, 2)}, "weights: expected shape (P, 10) for mlp:4-2, got (5, 58)"),
        ({"policy_shape": 4}, "policy_shape: expected a tuple such as (4, 64, 2), got 4"),
    ],
)
def test_batch_evaluate_refuses_bad_input(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "env_id": "cartpole",
        "weights": POPULATION,
        "n_episodes": 1,
        "policy_arch": "mlp",
        "policy_shape": (4, 8, 2),
    }
    with pytest.raises(InputError) as refused:
        batch_evaluate(**(arguments | options))
    assert str(refused.value) == message


def test_arrays_may_begin_at_any_byte() -> None:
    """As they do where Dask or a file format with an odd header puts them."""
    policy = Policy("mlp:4-2")
    weights, seeds = policy.init(3, seed=0), np.array([5, 2**63], dtype=np.uint64)
    odd_weights = np.frombuffer(b"." + weights.tobytes(), dtype=np.float32, offset=1).reshape(weights.shape)
    odd_seeds = np.frombuffer(b"." + seeds.tobytes(), dtype=np.uint64, offset=1)
    assert not odd_weights.flags.aligned and not odd_seeds.flags.aligned
    found = evaluate("cartpole", odd_weights, policy, seeds=odd_seeds)
    expected = evaluate("cartpole", weights, policy, seeds=seeds)
    assert found.returns.tobytes() == expected.returns.tobytes()
    assert found.seeds.tobytes() == expected.seeds.tobytes()
