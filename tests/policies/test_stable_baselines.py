"""State dicts of Stable-Baselines3: the actor is found by its names, which were recorded, and the rest is said.

Names and shapes are those of Stable-Baselines3 and sb3-contrib 2.9.2; the modules here are built of plain PyTorch, with
the same names, and run as the originals do.
"""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import cli_answers
import numpy as np
import pytest
import safetensors.torch
import torch
from cli_answers import Captured
from numpy.typing import NDArray
from torch import Tensor, nn

from evalengine import InputError, Policy, WeightsWarning, evaluate, load_weights
from evalengine.policies.notices import notice


def chain(*sizes: int, activation: type[nn.Module] = nn.Tanh, last: bool = True) -> nn.Sequential:
    """Linear layers with an activation after each, or after each but the last; their names are 0, 2, ..."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*(layers if last else layers[:-1]))


class NatureCNN(nn.Module):
    """The features extractor of CnnPolicy, with fewer channels."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 8, 8, 4), nn.ReLU(), nn.Conv2d(8, 8, 4, 2), nn.ReLU(), nn.Flatten())
        self.linear = nn.Sequential(nn.Linear(72, 16), nn.ReLU())

    def forward(self, inputs: Tensor) -> Tensor:
        features: Tensor = self.linear(self.cnn(inputs))
        return features


class ActorCritic(nn.Module):
    """PPO, A2C and TRPO."""

    def __init__(self, inputs: int, outputs: int, width: int, *, is_box: bool = False) -> None:
        super().__init__()
        if is_box:
            self.log_std = nn.Parameter(torch.zeros(outputs))
        self.mlp_extractor: Any = nn.Module()
        self.mlp_extractor.policy_net = chain(inputs, width, width)
        self.mlp_extractor.value_net = chain(inputs, width, width)
        self.action_net = nn.Linear(width, outputs)
        self.value_net = nn.Linear(width, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.action_net(self.mlp_extractor.policy_net(inputs))
        return outputs


class ActorCriticCnn(nn.Module):
    """The same with CnnPolicy: one extractor has three names, or the critic has its own."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        self.features_extractor = NatureCNN()
        self.pi_features_extractor = self.features_extractor
        self.vf_features_extractor = self.features_extractor if shared else NatureCNN()
        self.action_net, self.value_net = nn.Linear(16, 3), nn.Linear(16, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.action_net(self.pi_features_extractor(inputs))
        return outputs


class QNetwork(nn.Module):
    def __init__(self, *, is_cnn: bool) -> None:
        super().__init__()
        if is_cnn:
            self.features_extractor = NatureCNN()
        self.q_net = chain(16, 3, last=False) if is_cnn else chain(4, 8, 8, 2, activation=nn.ReLU, last=False)

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.features_extractor(inputs) if hasattr(self, "features_extractor") else inputs
        values: Tensor = self.q_net(features)
        return values


class DQN(nn.Module):
    def __init__(self, *, is_cnn: bool = False) -> None:
        super().__init__()
        self.q_net, self.q_net_target = QNetwork(is_cnn=is_cnn), QNetwork(is_cnn=is_cnn)

    def forward(self, inputs: Tensor) -> Tensor:
        values: Tensor = self.q_net(inputs)
        return values


class OffPolicy(nn.Module):
    """SAC and TQC, whose last layer is apart and has a second beside it, or TD3 and DDPG."""

    def __init__(self, *, is_sac: bool) -> None:
        super().__init__()
        self.actor: Any = nn.Module()
        if is_sac:
            self.actor.latent_pi = chain(3, 8, 8, activation=nn.ReLU)
            self.actor.mu, self.actor.log_std = nn.Linear(8, 1), nn.Linear(8, 1)
        else:
            self.actor.mu = chain(3, 8, 8, 1, activation=nn.ReLU, last=False)
            self.actor_target = nn.Module()
            self.actor_target.mu = chain(3, 8, 8, 1, activation=nn.ReLU, last=False)
        self.critic, self.critic_target = nn.Module(), nn.Module()
        for critic in (self.critic, self.critic_target):
            critic.qf0 = chain(4, 8, 1, last=False)
            critic.qf1 = chain(4, 8, 1, last=False)

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.actor.latent_pi(inputs) if hasattr(self.actor, "latent_pi") else inputs
        means: Tensor = self.actor.mu(features)
        return means


class ARS(nn.Module):
    def __init__(self, *sizes: int, bias: bool = True) -> None:
        super().__init__()
        self.action_net = chain(*sizes, activation=nn.ReLU, last=False)
        if not bias:
            self.action_net = nn.Sequential(nn.Linear(sizes[0], sizes[-1], bias=False))

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.action_net(inputs)
        return outputs


CNN = "cnn:1x36x36-8k8s4-8k4s2-16-3"
CASES: dict[str, tuple[Any, str, str]] = {
    "PPO": (lambda: ActorCritic(4, 2, 8), "mlp:4-8-8-2", "mlp_extractor.value_net, value_net"),
    "PPO, all alike": (lambda: ActorCritic(8, 8, 8), "mlp:8-8-8-8", "mlp_extractor.value_net, value_net"),
    "PPO, Box": (
        lambda: ActorCritic(3, 1, 8, is_box=True),
        "mlp:3-8-8-1,head=clip",
        "log_std, mlp_extractor.value_net, value_net",
    ),
    "PPO, images": (lambda: ActorCriticCnn(shared=True), CNN, "vf_features_extractor, value_net"),
    "PPO, two extractors": (lambda: ActorCriticCnn(shared=False), CNN, "vf_features_extractor, value_net"),
    "DQN": (lambda: DQN(), "mlp:4-8-8-2,act=relu", "q_net_target"),
    "DQN, images": (lambda: DQN(is_cnn=True), CNN, "q_net_target"),
    "SAC": (lambda: OffPolicy(is_sac=True), "mlp:3-8-8-1,act=relu", "actor.log_std, critic, critic_target"),
    "TD3": (lambda: OffPolicy(is_sac=False), "mlp:3-8-8-1,act=relu", "actor_target, critic, critic_target"),
    "ARS": (lambda: ARS(3, 8, 8, 1), "mlp:3-8-8-1,act=relu", ""),
    "ARS, linear": (lambda: ARS(3, 1, bias=False), "mlp:3-1,bias=0,head=clip", ""),
    "ARS, linear with bias": (lambda: ARS(4, 2), "mlp:4-2", ""),
}

RECORDED = {
    "PPO, Box": "log_std mlp_extractor.policy_net.0.weight mlp_extractor.policy_net.0.bias "
    "mlp_extractor.policy_net.2.weight mlp_extractor.policy_net.2.bias mlp_extractor.value_net.0.weight "
    "mlp_extractor.value_net.0.bias mlp_extractor.value_net.2.weight mlp_extractor.value_net.2.bias action_net.weight "
    "action_net.bias value_net.weight value_net.bias",
    "DQN": "q_net.q_net.0.weight q_net.q_net.0.bias q_net.q_net.2.weight q_net.q_net.2.bias q_net.q_net.4.weight "
    "q_net.q_net.4.bias q_net_target.q_net.0.weight q_net_target.q_net.0.bias q_net_target.q_net.2.weight "
    "q_net_target.q_net.2.bias q_net_target.q_net.4.weight q_net_target.q_net.4.bias",
    "SAC": "actor.latent_pi.0.weight actor.latent_pi.0.bias actor.latent_pi.2.weight actor.latent_pi.2.bias "
    "actor.mu.weight actor.mu.bias actor.log_std.weight actor.log_std.bias",
    "TD3": "actor.mu.0.weight actor.mu.0.bias actor.mu.2.weight actor.mu.2.bias actor.mu.4.weight actor.mu.4.bias "
    "actor_target.mu.0.weight actor_target.mu.0.bias",
    "ARS": "action_net.0.weight action_net.0.bias action_net.2.weight action_net.2.bias action_net.4.weight "
    "action_net.4.bias",
    "ARS, linear": "action_net.0.weight",
}
"""In Stable-Baselines3; of SAC and TD3 the first, before the critics."""


def made(case: str) -> tuple[nn.Module, Policy, NDArray[np.float32]]:
    """The module with random weights, the policy, and observations that make a difference."""
    torch.manual_seed(0)
    make, spelling, _ = CASES[case]
    policy: Policy = Policy(spelling)
    observations = np.random.default_rng(0).normal(size=(32, *policy.input_shape)).astype(np.float32)
    return make(), policy, observations


def taken(policy: Policy, state_dict: Any) -> tuple[NDArray[np.float32], list[str]]:
    """The vector, and what was said of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vector = policy.from_state_dict(state_dict)
    assert [warning.category for warning in caught] == [WeightsWarning] * len(caught)
    return vector, [str(warning.message) for warning in caught]


def outputs(module: nn.Module, observations: NDArray[np.float32]) -> bytes:
    with torch.no_grad():
        found: bytes = module(torch.from_numpy(observations)).numpy().tobytes()
    return found


@pytest.mark.parametrize("case", RECORDED)
def test_the_modules_here_have_the_recorded_names(case: str) -> None:
    names = RECORDED[case].split()
    assert list(made(case)[0].state_dict())[: len(names)] == names


@pytest.mark.parametrize("case", CASES)
def test_the_actor_is_taken_and_the_rest_said(case: str) -> None:
    module, policy, observations = made(case)
    vector, said = taken(policy, module.state_dict())
    assert outputs(policy.to_torch(vector), observations) == outputs(module, observations)
    left_out = CASES[case][2]
    start = "state dict: left out, as no deterministic action depends on it: "
    assert said == ([f"{start}{left_out}"] if left_out else [])


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("case", ["PPO", "PPO, images", "SAC"])
def test_the_engine_plays_the_actor(case: str, torch_policy: Any) -> None:
    module, policy, observations = made(case)
    vector, _ = taken(policy, module.state_dict())
    acting = {
        "PPO": lambda m: [m.mlp_extractor.policy_net, m.action_net],
        "PPO, images": lambda m: [m.pi_features_extractor, m.action_net],
        "SAC": lambda m: [m.actor.latent_pi, m.actor.mu],
    }[case](module)
    flat = nn.utils.parameters_to_vector(p for part in acting for p in part.parameters()).detach().numpy()
    theirs = torch_policy.logits(policy, flat, observations)
    assert policy.logits(vector, observations).tobytes() == theirs.tobytes()


def test_another_order_of_layers_is_another_result() -> None:
    module, policy, observations = made("PPO, all alike")
    tensors = module.state_dict()
    swapped = dict(tensors)
    for kind in ("weight", "bias"):
        first, second = f"mlp_extractor.policy_net.2.{kind}", f"action_net.{kind}"
        swapped[first], swapped[second] = tensors[second], tensors[first]
    right, _ = taken(policy, dict(reversed(tensors.items())))
    wrong, _ = taken(policy, swapped)
    assert outputs(policy.to_torch(right), observations) == outputs(module, observations)
    assert outputs(policy.to_torch(wrong), observations) != outputs(module, observations)


@pytest.mark.parametrize("case", CASES)
def test_an_evolved_actor_goes_back_into_its_model(case: str) -> None:
    module, policy, observations = made(case)
    vector, _ = taken(policy, module.state_dict())
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    evolved = policy.to_state_dict(vector * 2, like=module.state_dict())
    assert list(evolved) == list(before)
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in evolved.items()})
    assert outputs(module, observations) == outputs(policy.to_torch(vector * 2), observations)
    apart = [name for name in before if "value_net" in name or "target" in name or "critic" in name]
    if case == "PPO, two extractors":
        apart += [name for name in before if name.startswith("vf_")]
    for name in apart:
        assert torch.equal(module.state_dict()[name], before[name]), name


@pytest.mark.parametrize(
    ("case", "spelling", "message"),
    [
        (
            "PPO",
            "mlp:4-8-2",
            "expected weights of shapes (8, 4), (2, 8) for mlp:4-8-2, got mlp_extractor.policy_net.0 (8, 4), "
            "mlp_extractor.policy_net.2 (8, 8), action_net (2, 8)",
        ),
        ("PPO", "mlp:4-9-8-2", "mlp_extractor.policy_net.0.weight: expected shape (9, 4) for mlp:4-9-8-2, got (8, 4)"),
        (
            "ARS, linear",
            "mlp:3-1",
            "expected weights of shapes (1, 3) for mlp:3-1, got action_net.0 (1, 3) without bias",
        ),
        ("ARS, linear", "mlp:3-2,bias=0", "action_net.0.weight: expected shape (2, 3) for mlp:3-2,bias=0, got (1, 3)"),
    ],
)
def test_what_does_not_fit_is_named(case: str, spelling: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(spelling).from_state_dict(made(case)[0].state_dict())
    assert str(refused.value) == f"state dict: {message}"


def test_a_name_that_stable_baselines_does_not_have_is_not_passed_over() -> None:
    tensors = dict(made("PPO")[0].state_dict())
    with pytest.raises(InputError, match=r"^state dict: expected the names 0\.weight, .*, got .*other_actor\.weight"):
        Policy("mlp:4-8-8-2").from_state_dict(tensors | {"other_actor.weight": torch.zeros(8, 4)})


def test_a_prefix_takes_the_policy_of_a_checkpoint() -> None:
    module, policy, _ = made("PPO")
    checkpoint = {f"policy.{name}": tensor for name, tensor in module.state_dict().items()} | {"step": np.zeros(1)}
    with pytest.warns(WeightsWarning, match=r"depends on it: policy\.mlp_extractor\.value_net, policy\.value_net$"):
        vector = policy.from_state_dict(checkpoint, prefix="policy.")
    assert vector.tobytes() == taken(policy, module.state_dict())[0].tobytes()


def test_a_file_is_played_and_what_is_left_out_is_said(tmp_path: Path, capsys: Captured) -> None:
    module, policy, _ = made("PPO")
    path = tmp_path / "ppo.safetensors"
    safetensors.torch.save_file(module.state_dict(), path)
    with pytest.warns(WeightsWarning, match=r"^state dict: left out") as said:
        loaded = load_weights(path, policy)
    assert said[0].filename == __file__
    answered = cli_answers.document("evaluate", capsys, path, "--policy", policy, "--env", "cartpole", notes=True)
    expected = evaluate("cartpole", loaded.weights, policy, episodes=10)
    assert answered["fitness"] == expected.fitness.tolist()


def test_a_notice_stays_on_one_line() -> None:
    with pytest.warns(WeightsWarning, match=r"^a\\nb\\x1b$"):
        notice("a\nb\x1b")


def test_an_lstm_before_the_actor_is_its_cell() -> None:
    policy = Policy("mlp:4-lstm8-6-2")
    module: Any = ActorCritic(8, 2, 6)
    module.mlp_extractor.policy_net = chain(8, 6)
    module.mlp_extractor.value_net = chain(8, 6)
    module.lstm_actor, module.lstm_critic = nn.LSTM(4, 8), nn.LSTM(4, 8)
    acting = (module.lstm_actor, module.mlp_extractor.policy_net, module.action_net)
    expected = nn.utils.parameters_to_vector(p for part in acting for p in part.parameters()).detach().numpy()
    vector, said = taken(policy, module.state_dict())
    assert vector.tobytes() == expected.tobytes()
    assert said == [
        "state dict: left out, as no deterministic action depends on it: mlp_extractor.value_net, value_net, "
        "lstm_critic"
    ]
    evolved = policy.to_state_dict(vector * 2, like=module.state_dict())
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in evolved.items()})
    assert taken(policy, module.state_dict())[0].tobytes() == (vector * 2).tobytes()
    with pytest.raises(InputError) as refused:
        Policy("mlp:4-8-6-2").from_state_dict(module.state_dict())
    assert str(refused.value) == (
        "state dict: expected weights of shapes (8, 4), (6, 8), (2, 6) for mlp:4-8-6-2, got lstm_actor ((32, 4), "
        "(32, 8)), mlp_extractor.policy_net.0 (6, 8), action_net (2, 6)"
    )
