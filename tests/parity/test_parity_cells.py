"""Recurrent cells against PyTorch, bit for bit: random shapes of every cell, closed loops that keep the state."""

from __future__ import annotations

import numpy as np
import pytest

from evalengine.parity.closed_loop import ClosedLoop
from evalengine.parity.forward import compared_cells
from evalengine.parity.probe import probe
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.cells import GATES
from evalengine.policies.policy import Policy
from evalengine.references import reference
from evalengine.workloads.individuals import individuals

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torch_policy() -> object:
    with TorchPolicy() as running:
        unproven = probe(running).unproven or probe(running).unproven_tanh
        if unproven:
            pytest.skip(unproven)
        yield running


@pytest.mark.parametrize("cell", list(GATES))
def test_random_cells_have_pytorchs_bits(torch_policy: TorchPolicy, cell: str) -> None:
    section = compared_cells(cell, shapes=12, seed=1, torch_policy=torch_policy, unproven="")
    assert section.mismatches == 0, section.first_divergence
    assert section.steps >= 12 * 4


def test_a_changed_bit_is_seen(torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    step = TorchPolicy.step

    def changed(*arguments: object) -> object:
        logits, states = step(*arguments)  # type: ignore[arg-type]
        states = states.copy()
        states[0, 0] = np.nextafter(states[0, 0], np.float32(9))
        return logits, states

    monkeypatch.setattr(TorchPolicy, "step", changed)
    assert compared_cells("gru", shapes=1, seed=1, torch_policy=torch_policy, unproven="").mismatches > 0


@pytest.mark.parametrize(
    ("env_id", "spelling"),
    [("CartPole-v1", "mlp:4-gru16-2"), ("Pendulum-v1", "mlp:3-lstm9-1"), ("LunarLander-v3", "mlp:8-rnn_relu12-4")],
)
def test_closed_loops_keep_the_state_on_both_sides(torch_policy: TorchPolicy, env_id: str, spelling: str) -> None:
    pytest.importorskip("gymnasium")
    loop = ClosedLoop(reference(env_id), Policy(spelling), seed=5)
    weights = individuals(loop.entry, loop.policy, 2, 5)
    section, _ = loop.section(loop.name, weights, 1500, torch_policy)
    assert section.mismatches == 0, section.first_divergence
    assert section.steps == 1500
