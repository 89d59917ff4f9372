"""How heads and noise are spelt, what they make of the flat vector, and how it is read from modules and state dicts."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from evalengine import InputError, Policy

LEARNED = Policy("mlp:3-8-2,head=clip,noise=log_std")


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("mlp:3-2,head=tanh/tanh", "mlp:3-2"),
        ("mlp:3-2,HEAD=Sigmoid/SIGMOID", "mlp:3-2,head=sigmoid"),
        ("mlp:3-3,head=tanh/sigmoid/sigmoid", "mlp:3-3,head=tanh/sigmoid/sigmoid"),
        ("mlp:3-2,head=argmax", "mlp:3-2,head=argmax"),
        ("mlp:3-1,head=threshold:0", "mlp:3-1,head=threshold"),
        ("mlp:3-1,head=threshold:-0.0", "mlp:3-1,head=threshold"),
        ("mlp:3-1,head=threshold:.50", "mlp:3-1,head=threshold:0.5"),
        ("mlp:3-1,head=threshold:-2", "mlp:3-1,head=threshold:-2"),
        ("mlp:3-2,noise=0", "mlp:3-2"),
        ("mlp:3-2,noise=0/0.0", "mlp:3-2"),
        ("mlp:3-2,noise=0.10/1e-1", "mlp:3-2,noise=0.1"),
        ("mlp:3-2,noise=0.5/0,act=relu", "mlp:3-2,noise=0.5/0"),
        ("mlp:3-2,noise=1e-5", "mlp:3-2,noise=1e-05"),
        ("cnn:1x4x4-2k3-2,noise=LOG_STD,head=raw", "cnn:1x4x4-2k3-2,head=raw,noise=log_std"),
    ],
)
def test_one_canonical_spelling(spelling: str, canonical: str) -> None:
    policy = Policy(spelling.replace(",act=relu", ""))
    assert str(policy) == canonical
    assert Policy(canonical) == policy == pickle.loads(pickle.dumps(policy))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("head=tanh/sigmoid/clip", "'head=tanh/sigmoid/clip': expected one head, or 2, one for each output"),
        ("head=sample/tanh", "'head=sample/tanh': sample is the head of all outputs together"),
        ("head=tanh:2", "'head=tanh:2' is not an option; expected"),
        ("head=", "'head=' is not an option"),
        ("head=threshold:", "'head=threshold:': expected a number such as threshold:0.5"),
        ("head=threshold:nan", "expected a number such as threshold:0.5"),
        ("head=threshold:1e39", "expected a number such as threshold:0.5"),
        ("noise=-0.1", "'noise=-0.1' is not an option; expected"),
        ("noise=-0", "'noise=-0' is not an option"),
        ("noise=inf", "'noise=inf' is not an option"),
        ("noise=some", "'noise=some' is not an option"),
        ("noise=0.1/0.2/0.3", "'noise=0.1/0.2/0.3': expected one deviation, or 2, one for each output"),
        ("noise=0.1/log_std", "'noise=0.1/log_std' is not an option"),
    ],
)
def test_what_is_no_head_and_no_noise_is_refused(options: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(f"mlp:3-2,{options}")
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_shapes_have_heads_and_noise_too() -> None:
    assert str(Policy.from_shape("mlp", (3, 2), head=("tanh", "raw"), noise=(0.5, 0.25))) == (
        "mlp:3-2,head=tanh/raw,noise=0.5/0.25"
    )
    assert str(Policy.from_shape("mlp", (3, 2), head="Sample")) == "mlp:3-2,head=sample"
    assert str(Policy.from_shape("mlp", (3, 2), noise=np.float32(0.5))) == "mlp:3-2,noise=0.5"  # type: ignore[arg-type]
    assert Policy.from_shape("mlp", (3, 2), noise="log_std").learns_noise
    for options, message in [
        ({"head": 3}, "head: expected a name such as 'clip', or one for each output, got 3"),
        ({"head": ("raw", "raw", "raw")}, "head: 'head=raw/raw/raw': expected one head, or 2"),
        ({"noise": True}, "noise: expected standard deviations, or 'log_std', got True"),
        ({"noise": -1}, "noise: 'noise=-1.0' is not an option; expected standard deviations from 0, one for all"),
        ({"noise": (0.1, None)}, "noise: expected standard deviations, or 'log_std', got"),
    ]:
        with pytest.raises(InputError) as refused:
            Policy.from_shape("mlp", (3, 2), **options)  # type: ignore[arg-type]
        assert str(refused.value).startswith(message)


def test_deviations_are_of_each_output() -> None:
    assert Policy("mlp:3-2").deviations == ()
    assert Policy("mlp:3-2,noise=0.5").deviations == (0.5, 0.5)
    assert Policy("mlp:3-2,noise=0.5/0").deviations == (0.5, 0.0)
    assert LEARNED.deviations is None


# --- log_std among the parameters


def test_log_std_comes_first_and_begins_at_zero() -> None:
    plain = LEARNED.without_noise
    assert str(plain) == "mlp:3-8-2,head=clip" and plain.without_noise is plain
    assert LEARNED.n_params == plain.n_params + 2
    assert [parameter.name for parameter in LEARNED.parameters][:2] == ["log_std", "0.weight"]
    population = LEARNED.init(3, seed=1)
    log_std, network = LEARNED.split(population)
    assert log_std.tobytes() == np.zeros((3, 2), np.float32).tobytes() and np.abs(network).min() > 0
    observations = np.ones((3, 4, 3), np.float32)
    assert np.array_equal(LEARNED.logits(population, observations), plain.logits(network, observations))
    assert np.array_equal(LEARNED.logits(population[0], observations[0]), plain.logits(network[0], observations[0]))


def test_modules_have_it_as_a_parameter_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    vector = np.arange(LEARNED.n_params, dtype=np.float32)
    module = LEARNED.to_torch(vector)
    assert list(module.state_dict()) == [parameter.name for parameter in LEARNED.parameters]
    assert torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy().tolist() == vector.tolist()
    assert LEARNED.flatten(module).tolist() == vector.tolist()
    with pytest.raises(InputError, match=r"log_std belongs to no .* \(a policy with noise=log_std can be given its"):
        Policy.from_torch(module)
    with pytest.raises(
        InputError, match=r"expected a module that is mlp:3-8-2,head=clip,noise=log_std, got one that is"
    ):
        LEARNED.flatten(LEARNED.without_noise.to_torch(vector[2:]))
    # Noise of given deviations is, as a head, no concern of a module.
    assert Policy("mlp:3-8-2,noise=0.5").flatten(LEARNED.without_noise.to_torch(vector[2:])).tolist() == (
        vector[2:].tolist()
    )


class TestStateDicts:
    vector = np.arange(LEARNED.n_params, dtype=np.float32)

    def test_by_the_sequential_s_names(self) -> None:
        tensors = LEARNED.to_state_dict(self.vector)
        assert tensors["log_std"].tolist() == [0.0, 1.0]
        assert LEARNED.from_state_dict(tensors).tolist() == self.vector.tolist()

    def test_by_cleanrl_s_names(self) -> None:
        tensors = {
            name.replace("log_std", "actor_logstd")
            .replace("0.", "actor_mean.0.")
            .replace("2.", "actor_mean.2."): tensor
            for name, tensor in LEARNED.to_state_dict(self.vector).items()
        }
        tensors["actor_logstd"] = tensors["actor_logstd"].reshape(1, 2)
        assert LEARNED.from_state_dict(tensors).tolist() == self.vector.tolist()
        assert LEARNED.from_state_dict(tensors, prefix="actor_").tolist() == self.vector.tolist()

    def test_by_stable_baselines3_s_names(self) -> None:
        pieces = LEARNED.to_state_dict(self.vector)
        critic = {"mlp_extractor.value_net.0.weight": np.ones((8, 3)), "value_net.weight": np.ones((1, 8))}
        names = {"0": "mlp_extractor.policy_net.0", "2": "action_net"}
        actor = {
            f"{names[name.partition('.')[0]]}.{name.partition('.')[2]}": tensor
            for name, tensor in pieces.items()
            if name != "log_std"
        }
        state_dict: Any = {"log_std": pieces["log_std"], **actor, **critic}
        with pytest.warns(UserWarning, match="no action depends on it: mlp_extractor.value_net, value_net$"):
            assert LEARNED.from_state_dict(state_dict).tolist() == self.vector.tolist()
        with pytest.warns(UserWarning, match="no deterministic action depends on it: log_std"):
            assert LEARNED.without_noise.from_state_dict(state_dict).tolist() == self.vector[2:].tolist()

    def test_one_of_as_many_numbers_as_outputs_is_needed(self) -> None:
        tensors = LEARNED.to_state_dict(self.vector)
        for other, message in [
            ({}, "expected one tensor called log_std, of 2 numbers, for mlp:3-8-2,head=clip,noise=log_std, got none"),
            ({"log_std": np.zeros(3)}, r"log_std: expected shape \(2,\) for .*, got \(3,\)"),
            ({"actor.log_std": np.zeros(3)}, r"of 2 numbers, for .*, got actor.log_std \(3,\)"),
            ({"a.log_std": np.zeros(2), "b.log_std": np.zeros(2)}, "got a.log_std .*, b.log_std"),
        ]:
            state_dict: Any = {name: tensor for name, tensor in tensors.items() if name != "log_std"} | other
            with pytest.raises(InputError, match=message):
                LEARNED.from_state_dict(state_dict)


def test_arrays_by_layer_have_no_place_for_it() -> None:
    with pytest.raises(InputError, match=r"expected a policy of linear layers and convolutions, got .* with log_std"):
        LEARNED.from_arrays([np.zeros((8, 3)), np.zeros(8), np.zeros((2, 8)), np.zeros(2)])
