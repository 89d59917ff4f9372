"""Modules with recurrent cells as policies: what is read, and what is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402  # there is none without torch

from evalengine import InputError, Policy, evaluate  # noqa: E402


class OneCell(nn.Module):
    """A cell, and what is before and behind it."""

    def __init__(self, cell: type[nn.RNNCellBase] = nn.GRUCell, **options: Any) -> None:
        super().__init__()
        self.before = nn.Linear(8, 16)
        self.cell = cell(16, 12, **options)
        self.out = nn.Linear(12, 4)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        state = self.cell(torch.relu(self.before(x)), state)
        return self.out(state[0] if isinstance(state, tuple) else state), state


class OneSequence(nn.Module):
    """A sequence of one step."""

    def __init__(self, kind: type[nn.RNNBase] = nn.LSTM, **options: Any) -> None:
        super().__init__()
        make: Any = kind
        self.rnn = make(8, 12, **options)
        self.out = nn.Linear(12, 4)
        self.time = 1 if self.rnn.batch_first else 0

    def forward(self, x: Tensor, state: Any) -> Any:
        outputs, state = self.rnn(x.unsqueeze(self.time), state)
        return self.out(outputs.squeeze(self.time)), state


class Indexed(OneSequence):
    """The same with an index."""

    def forward(self, x: Tensor, state: Any) -> Any:
        outputs, state = self.rnn(x.unsqueeze(1), state)
        return self.out(outputs[:, -1]), state


class Two(nn.Module):
    """Two cells, registered in another order than they run in."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.RNNCell(12, 5, nonlinearity="relu")
        self.first = nn.LSTMCell(8, 12)
        self.out = nn.Linear(5, 4)

    def forward(self, x: Tensor, state: Any) -> Any:
        of_second, of_first = state
        h, c = self.first(x, of_first)
        of_second = self.second(h, of_second)
        return self.out(torch.tanh(of_second)), (of_second, (h, c))


class BehindConvolution(nn.Module):
    """A picture's cell."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.cell, self.out = nn.Conv2d(5, 4, 3), nn.GRUCell(400, 7), nn.Linear(7, 4)

    def forward(self, x: Tensor, h: Tensor) -> Any:
        h = self.cell(torch.relu(self.convolution(x)).flatten(1), h)
        return self.out(h), h


@pytest.mark.parametrize(
    ("module", "spelling"),
    [
        (OneCell(), "mlp:8-16-gru12-4,act=relu"),
        (OneCell(nn.LSTMCell, bias=False), "mlp:8-16-lstm12-4,act=relu,bias=1/0/1"),
        (OneCell(nn.RNNCell), "mlp:8-16-rnn12-4,act=relu"),
        (OneCell(nn.RNNCell, nonlinearity="relu"), "mlp:8-16-rnn_relu12-4,act=relu"),
        (OneSequence(), "mlp:8-lstm12-4"),
        (OneSequence(batch_first=True), "mlp:8-lstm12-4"),
        (OneSequence(nn.GRU, bias=False), "mlp:8-gru12-4,bias=0/1"),
        (OneSequence(nn.RNN, nonlinearity="relu"), "mlp:8-rnn_relu12-4"),
        (Indexed(nn.RNN, batch_first=True), "mlp:8-rnn12-4"),
    ],
)
def test_modules_with_a_cell_are_read(module: nn.Module, spelling: str) -> None:
    policy = Policy.from_torch(module)
    assert str(policy) == spelling
    flat = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    assert (policy.flatten(module) == flat).all()
    assert (policy.from_state_dict(module.state_dict()) == flat).all()


def test_layers_are_in_the_order_in_which_they_run() -> None:
    module = Two()
    policy = Policy.from_torch(module)
    assert str(policy) == "mlp:8-lstm12-rnn_relu5-4,act=identity/tanh"
    parts = [*module.first.parameters(), *module.second.parameters(), *module.out.parameters()]
    assert (policy.flatten(module) == torch.nn.utils.parameters_to_vector(parts).detach().numpy()).all()


def test_a_cell_may_stand_behind_convolutions() -> None:
    module = BehindConvolution()
    policy = Policy.from_torch(module, (5, 12, 12))
    assert str(policy) == "cnn:5x12x12-4k3-gru7-4"
    result = evaluate("snake", module, policy, episodes=2)
    assert result.returns.shape == (1, 2)


def test_the_policy_steps_as_the_module_does() -> None:
    for module in (OneCell(nn.LSTMCell), OneSequence(batch_first=True), Two()):
        policy = Policy.from_torch(module)
        weights = policy.flatten(module)
        ours, random = None, np.random.default_rng(0)
        zeros = {
            OneCell: (torch.zeros(3, 12), torch.zeros(3, 12)),
            OneSequence: (torch.zeros(1, 3, 12), torch.zeros(1, 3, 12)),
            Two: (torch.zeros(3, 5), (torch.zeros(3, 12), torch.zeros(3, 12))),
        }
        theirs: Any = zeros[type(module)]
        for _ in range(3):
            rows = random.standard_normal((3, 8)).astype(np.float32)
            logits, ours = policy.step(weights, rows, ours)
            with torch.no_grad():
                expected, theirs = module(torch.from_numpy(rows), theirs)
            np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_a_module_is_as_before_when_it_has_been_read() -> None:
    module = OneSequence()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    Policy.from_torch(module)
    assert "forward" not in vars(module.rnn)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    outputs, _ = module(torch.zeros(2, 8), (torch.zeros(1, 2, 12), torch.zeros(1, 2, 12)))
    assert outputs.shape == (2, 4)


def _with(forward: Callable[..., Any], base: nn.Module) -> nn.Module:
    named = type("Net", (type(base),), {"forward": forward})
    base.__class__ = named
    return base


def _hidden(self: Any, x: Tensor, state: Any) -> Any:
    return self.cell(torch.relu(self.before(x)), state)


def _old_state(self: Any, x: Tensor, state: Any) -> Any:
    return self.out(_hidden(self, x, state)), state


def _no_state(self: Any, x: Tensor) -> Any:
    return self.out(_hidden(self, x, None))


def _only_outputs(self: Any, x: Tensor, state: Any) -> Any:
    return self.out(_hidden(self, x, state))


def _forgets(self: Any, x: Tensor, state: Any) -> Any:
    h = _hidden(self, x, None)
    return self.out(h), h


def _adds(self: Any, x: Tensor, state: Any) -> Any:
    h = _hidden(self, x, state)
    return self.out(h + state), h


def _swaps(self: Any, x: Tensor, state: Any) -> Any:
    h, c = _hidden(self, x, state)
    return self.out(h), (c, h)


def _shows_its_cell(self: Any, x: Tensor, state: Any) -> Any:
    h, c = _hidden(self, x, state)
    return self.out(c), (h, c)


def _decides(self: Any, x: Tensor, state: Any) -> Any:
    h = _hidden(self, x, state)
    return self.out(h if h.sum() > 0 else -h), h


def _in_a_row(self: Any, x: Tensor, state: Any) -> Any:
    outputs, state = self.rnn(x, state)
    return self.out(outputs), state


OTHER_STATE = (
    "layer cell ({}): expected a cell that gets its part of the state that Net is called with, and whose next one "
    "stands in the same place of the state that it returns, got another state"
)
TAKES_NONE = (
    "expected Net, which has recurrent cells, to have forward(observations, state) that returns (outputs, state), "
    "got {}"
)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (_with(_old_state, OneCell()), OTHER_STATE.format("GRUCell")),
        (_with(_forgets, OneCell()), OTHER_STATE.format("GRUCell")),
        (_with(_swaps, OneCell(nn.LSTMCell)), OTHER_STATE.format("LSTMCell")),
        (
            _with(_no_state, OneCell()),
            TAKES_NONE.format("_no_state() takes 2 positional arguments but 3 were given"),
        ),
        (_with(_only_outputs, OneCell()), TAKES_NONE.format("Observations returned")),
        (
            _with(_shows_its_cell, OneCell(nn.LSTMCell)),
            "layer cell (LSTMCell): expected its output h in the next layer, got its cell state c",
        ),
        (
            _with(_adds, OneCell()),
            "add in Net.forward: expected Linear, Conv2d, a pool, LayerNorm, an activation, Flatten or Identity, got "
            "add(gru_cell, state), which takes 2 results of former operations",
        ),
        (
            _with(_decides, OneCell()),
            "Net: expected a chain of layers that can be read, got what depends on the values of the observation "
            "(__bool__ of gt)",
        ),
        (
            _with(_in_a_row, OneSequence()),
            "Net: expected a chain of layers that can be read, got a sequence of 2 axes: expected one of one step, "
            "x.unsqueeze(0)",
        ),
        (OneSequence(num_layers=2), "layer rnn (LSTM): num_layers=2 is not supported"),
        (OneSequence(nn.GRU, bidirectional=True), "layer rnn (GRU): bidirectional=True is not supported"),
        (OneSequence(proj_size=3), "layer rnn (LSTM): proj_size=3 is not supported"),
    ],
)
def test_what_no_policy_remembers_is_named(module: nn.Module, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_torch(module)
    assert str(refused.value) == f"from_torch: {message}"
