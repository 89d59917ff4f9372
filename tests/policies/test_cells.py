"""Policies with recurrent cells: their spec, parameters, modules, state dicts, and one step after the other.

PyTorch's own cells are compared bit by bit where it sums in the known order (`test_parity_cells`); here with tolerance.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from evalengine import InputError, Policy, evaluate, load_weights, make
from evalengine.policies.heads import Head, plain_action

CELLS = ["lstm", "gru", "rnn", "rnn_relu"]


@pytest.mark.parametrize(
    ("spelled", "canonical", "activations"),
    [
        ("mlp:8-lstm32-4", "mlp:8-lstm32-4", ("identity",)),
        ("mlp:8-64-GRU16-4,act=relu", "mlp:8-64-gru16-4,act=relu", ("relu", "identity")),
        ("mlp:8-64-gru16-4,act=relu/identity", "mlp:8-64-gru16-4,act=relu", ("relu", "identity")),
        ("mlp:8-64-gru16-4,act=tanh/tanh", "mlp:8-64-gru16-4,act=tanh/tanh", ("tanh", "tanh")),
        ("mlp:8-rnn9-4,act=tanh", "mlp:8-rnn9-4,act=tanh", ("tanh",)),
        ("mlp:8-rnn_relu9-4,act=identity", "mlp:8-rnn_relu9-4", ("identity",)),
        ("mlp:8-lstm9-lstm7-4", "mlp:8-lstm9-lstm7-4", ("identity", "identity")),
        ("cnn:5x12x12-16k3-gru64-5", "cnn:5x12x12-16k3-gru64-5", ("relu", "identity")),
        ("mlp:4-gru2", "mlp:4-gru2", ()),
    ],
)
def test_cells_are_spelled_before_their_size(spelled: str, canonical: str, activations: tuple[str, ...]) -> None:
    policy = Policy(spelled)
    assert (str(policy), policy.activations) == (canonical, activations)
    assert Policy(canonical) == policy


def test_a_cell_is_a_tuple_in_a_shape() -> None:
    assert str(Policy.from_shape("mlp", (8, 64, ("lstm", 32), 4))) == "mlp:8-64-lstm32-4"
    assert Policy("mlp:8-64-lstm32-4").cells == ("", "lstm", "")


@pytest.mark.parametrize(
    ("spelled", "problem"),
    [
        ("mlp:8-lstm-4", "'lstm' is not a layer size"),
        ("mlp:8-lstm0-4", "'lstm0' is not a layer size"),
        ("mlp:8-lst32-4", "'lst32' is not a layer size"),
        ("mlp:lstm8-4", "'lstm8' is not a number of inputs"),
        ("cnn:5x12x12-gru4-16k3-5", "'gru4' stands before a convolution: convolutions come first"),
        ("mlp:8-lstm9-gru9-4,act=relu", "'act=relu': expected one activation for each of 2 cells"),
    ],
)
def test_misspelt_cells_are_named(spelled: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        Policy(spelled)
    message = str(caught.value)
    assert message.startswith(f"policy {spelled!r}: {problem}; expected mlp:4-64-2") and "\n" not in message


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bias", ["1", "0"])
def test_the_flat_vector_is_parameters_to_vector(cell: str, bias: str) -> None:
    torch = pytest.importorskip("torch")
    policy = Policy(f"mlp:5-{cell}7-3,bias={bias}")
    (vector,) = policy.init(1, seed=1)
    module = policy.to_torch(vector)
    assert (torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy() == vector).all()
    assert [name for name, _ in module.named_parameters()] == [parameter.name for parameter in policy.parameters]
    assert (policy.from_state_dict(module.state_dict()) == vector).all()
    assert pickle.loads(pickle.dumps(module)).state_dict().keys() == module.state_dict().keys()
    assert len(copy.deepcopy(module)) == len(module)


@pytest.mark.parametrize("spelled", [f"mlp:5-12-{cell}19-3" for cell in CELLS])
def test_steps_are_those_of_pytorchs_cells(spelled: str) -> None:
    torch = pytest.importorskip("torch")
    policy = Policy(spelled)
    (vector,) = policy.init(1, seed=1)
    module = policy.to_torch(vector * 3)
    random = np.random.default_rng(0)
    ours: Any = None
    theirs: Any = None
    for _ in range(4):
        observations = random.standard_normal((6, 5)).astype(np.float32)
        logits, ours = policy.step(vector * 3, observations, ours)
        with torch.no_grad():
            expected, theirs = module(torch.from_numpy(observations), theirs)
        np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-4, atol=1e-5)
    (state,) = theirs
    flat = torch.cat(state, 1) if isinstance(state, tuple) else state
    np.testing.assert_allclose(ours, flat.numpy(), rtol=1e-4, atol=1e-5)


def test_logits_begin_with_zeros_unless_a_state_is_given() -> None:
    policy = Policy("mlp:4-lstm6-gru3-2")
    weights = policy.init(2, seed=0)
    observations = np.ones((2, 5, 4), np.float32)
    logits, state = policy.step(weights, observations)
    assert state.shape == (2, 5, policy.n_state) == (2, 5, 15)
    assert (policy.logits(weights, observations) == logits).all()
    again = policy.logits(weights, observations, state)
    assert (again == policy.step(weights, observations, state)[0]).all() and (again != logits).any()
    assert (policy.logits(weights[0], observations[0], state[0]) == again[0]).all()


def test_a_state_of_another_shape_is_refused() -> None:
    policy = Policy("mlp:4-lstm6-2")
    (vector,) = policy.init(1, seed=0)
    observations = np.ones((5, 4), np.float32)
    with pytest.raises(InputError, match=r"^state: expected shape \(5, 12\) for mlp:4-lstm6-2, got \(5, 6\)$"):
        policy.step(vector, observations, np.zeros((5, 6), np.float32))
    with pytest.raises(InputError, match=r"^state: expected numbers, got complex128$"):
        policy.logits(vector, observations, np.zeros((5, 12), np.complex128))


def test_state_dicts_of_sequences_and_of_other_names_fit() -> None:
    policy = Policy("mlp:5-lstm7-3")
    (vector,) = policy.init(1, seed=1)
    own = policy.to_state_dict(vector)
    renamed = {
        name.replace("0.", "rnn.").replace("2.", "head.") + ("_l0" if "_" in name else ""): value
        for name, value in own.items()
    }
    assert "rnn.weight_ih_l0" in renamed
    assert (policy.from_state_dict(renamed) == vector).all()
    assert policy.to_state_dict(vector, like=renamed).keys() == renamed.keys()
    for unknown in ("rnn.weight_ih_l1", "rnn.weight_hr_l0", "rnn.weight_ih_l0_reverse"):
        with pytest.raises(InputError, match=r"^state dict: expected the names 0\.weight_ih, 0\.weight_hh"):
            policy.from_state_dict(renamed | {unknown: np.zeros((28, 5), np.float32)})
    del renamed["rnn.weight_hh_l0"]
    with pytest.raises(InputError, match=r"^state dict: expected the names 0\.weight_ih, 0\.weight_hh"):
        policy.from_state_dict(renamed)


def test_evaluate_begins_every_episode_with_zeros_and_keeps_the_state(tmp_path: object) -> None:
    policy = Policy("mlp:4-gru9-2")
    population = policy.init(6, seed=3) * 3
    result = evaluate("CartPole-v1", population, policy, episodes=4, seeds=7)
    env = make("CartPole-v1")
    head = Head.of(policy, env.entry)
    for individual, weights in enumerate(population):
        for episode in range(4):
            observation, _ = env.reset(seed=7 + episode)
            total, ended, state = 0.0, False, None
            while not ended:
                logits, state = policy.step(weights, observation[np.newaxis], state)
                observation, reward, terminated, truncated, _ = env.step(plain_action(head.actions(logits)[0]))
                total, ended = total + reward, terminated or truncated
            assert total == result.returns[individual, episode]
    # Without its memory the policy is another one.
    assert (result.returns != evaluate("CartPole-v1", population, policy, episodes=4, seeds=8).returns).any()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_files_keep_policies_with_cells(tmp_path: object, suffix: str) -> None:
    policy = Policy("mlp:8-lstm32-4")
    population = policy.init(3, seed=0)
    path = f"{tmp_path}/lander{suffix}"
    policy.save(path, population, env_id="lunarlander")
    loaded = load_weights(path)
    assert loaded.policy == policy and (loaded.weights == population).all()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_module_of_actions_takes_and_gives_the_state(cell: str) -> None:
    torch = pytest.importorskip("torch")
    policy = Policy(f"mlp:4-{cell}9-2")
    (weights,) = policy.init(1, seed=3)
    player = policy.to_torch(weights, "CartPole-v1", actions=True)
    random = np.random.default_rng(0)
    state: Any = None
    ours: Any = None
    for _ in range(4):
        observation = random.standard_normal(4).astype(np.float32)
        action, state = player.action(observation, state)
        logits, ours = policy.step(weights, observation[np.newaxis], ours)
        assert action == int(logits.argmax())
    (of_cell,) = state
    flat = torch.cat(of_cell, 1) if isinstance(of_cell, tuple) else of_cell
    np.testing.assert_allclose(flat.numpy(), ours, rtol=1e-4, atol=1e-5)
