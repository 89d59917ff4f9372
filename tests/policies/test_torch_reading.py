"""What cannot be read in a module is refused with its reason; what forwards usually ask is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_networks import KINDS, Net, chain, plainly, refusal

from evalengine import Policy


def scaled_if_large(net: Any, x: Tensor) -> Tensor:
    return plainly(net, x / 255 if x.max() > 10 else x)


def secretly_scaled(net: Any, x: Tensor) -> Tensor:
    try:
        return scaled_if_large(net, x)
    except Exception:
        return plainly(net, x)


def clipped(net: Any, x: Tensor) -> Tensor:
    net.fc1.weight.data.clamp_(-1, 1)
    return plainly(net, x)


def rounded(net: Any, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return plainly(net, x)


def by_weight(net: Any, x: Tensor) -> Tensor:
    return plainly(net, x) if net.fc1.weight.abs().max() < 5 else net.fc2(x)


def row_by_row(net: Any, x: Tensor) -> Tensor:
    return torch.stack([plainly(net, x[row]) for row in range(len(x))])


def second_call_differs(net: Any, x: Tensor) -> Tensor:
    net.calls = getattr(net, "calls", 0) + 1
    return plainly(net, x) if net.calls == 1 else plainly(net, x) * 2


def ignores_one_row(net: Any, x: Tensor) -> Tensor:
    return plainly(net, x) if len(x) > 1 else plainly(net, x) * 2


def changed_aside(net: Any, x: Tensor) -> Tensor:
    hidden = net.fc1(x)
    hidden[:, 0] = 0
    return plainly(net, x) if hidden is None else net.fc2(torch.tanh(hidden))


OTHER = "expected Net to compute what it was read as, mlp:4-8-2, got other outputs: write it as an nn.Sequential"


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (scaled_if_large, "what depends on the values of the observation (__bool__ of gt)"),
        (secretly_scaled, "what depends on the values of the observation (__bool__ of gt)"),
        (
            lambda net, x: plainly(net, x / float(x.max())),
            "what depends on the values of the observation (__float__ of max)",
        ),
        (
            lambda net, x: [plainly(net, row) for row in x],
            "what depends on the values of the observation (unbind of observations)",
        ),
        (by_weight, "a decision by the values of its own tensors (__bool__)"),
        (
            lambda net, x: plainly(net, x) if torch.rand(()) < 0.9 else x,
            "a decision by the values of its own tensors (__bool__)",
        ),
        (clipped, "a change of its own parameters (clamp_)"),
        (rounded, "torch.autocast, which rounds to another dtype"),
        (row_by_row, "more than 10000 operations"),
        (
            lambda net, x: plainly(net, x if x.shape[1] == 4 else x[:, :4]),
            "a decision by, or a number made of, the size of a batch or of an observation",
        ),
        (
            lambda net, x: plainly(net, torch.from_numpy(np.tanh(x.numpy()))),
            "what depends on the values of the observation (__array__ of numpy)",
        ),
    ],
)
def test_what_is_not_the_same_for_all_observations_has_its_reason(forward: Any, message: str) -> None:
    assert refusal(Net(forward)) == f"Net: expected a chain of layers that can be read, got {message}"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (lambda x: x.clamp(min=torch.zeros(())), "clamp(x, min=a tensor)"),
        (lambda x: x.clamp(min=-0.0), "clamp(x, min=-0.0)"),
        (lambda x: x.clamp(min=False), "clamp(x, min=False)"),
        (lambda x: x.flatten(x.size(0)), "flatten(x, x.size(0))"),
        (lambda x: torch.tanh(x, out=torch.empty(1, 8)), "tanh(x, out=a tensor)"),
        (lambda x: F.dropout(x, cast(Any, torch.zeros(()))), "dropout(x, p=a tensor, training=True, inplace=False)"),
        (lambda x: x.reshape(-1, -1), "reshape(x, -1, -1)"),
        (lambda x: x.contiguous(memory_format=torch.channels_last), "contiguous(x, memory_format=torch.channels_last)"),
        (lambda x: torch.as_tensor(x, dtype=torch.float64), "as_tensor(x, dtype=torch.float64)"),
    ],
)
def test_arguments_that_say_something_else_are_shown(operation: Callable[[Tensor], Tensor], message: str) -> None:
    name = message.partition("(")[0]
    expected = f"{name} in Net.<lambda>: expected {KINDS}, got {message}"
    assert refusal(Net(lambda net, x: net.fc2(operation(net.fc1(x))))) == expected


@pytest.mark.parametrize("forward", [second_call_differs, ignores_one_row])
def test_the_second_look_finds_what_no_single_call_shows(forward: Any) -> None:
    assert refusal(Net(forward)) == OTHER


def test_what_changes_a_value_beside_the_chain_is_refused() -> None:
    assert refusal(Net(changed_aside)).startswith("setitem in Net.changed_aside: expected Linear")
    module = chain()
    module[1].register_forward_hook(lambda module, inputs, output: (output.clamp_(-0.5, 0.5), None)[1])
    assert "got clamp_(tanh, -0.5, 0.5) beside the chain of layers" in refusal(module)


def asks_what_a_forward_asks(net: Any, x: Any) -> Tensor:
    if x.dim() == 1:
        x = x.unsqueeze(0)
    if not isinstance(x, Tensor) or x.dtype != torch.float32:
        raise TypeError(f"expected float32, got {x}")
    batch, _ = x.shape
    x = torch.as_tensor(x, dtype=torch.float32).to(next(net.parameters()).device).float().contiguous()
    return plainly(net, x.view(batch, -1).reshape(len(x), 4))


def test_usual_questions_are_answered() -> None:
    assert str(Policy.from_torch(Net(asks_what_a_forward_asks))) == "mlp:4-8-2"


@pytest.mark.parametrize(
    ("flatten", "message"),
    [
        (lambda x: x.view(x.size(0), -1), None),
        (lambda x: x.reshape((x.shape[0], 144)), None),
        (lambda x: torch.flatten(x, start_dim=1), None),
        (lambda x: x.view(-1, 144), None),
        (lambda x: x.view(-1, 72).view(-1, 144), "view in Net.<lambda>: expected 144 numbers a row, got 72"),
        (lambda x: x.view(x.size(1), -1), f"view in Net.<lambda>: expected {KINDS}, got view(x, x.size(1), -1)"),
        (lambda x: x.view(5, 144), f"view in Net.<lambda>: expected {KINDS}, got view(x, 5, 144)"),
        (lambda x: x.flatten(0), f"flatten in Net.<lambda>: expected {KINDS}, got flatten(x, 0)"),
        (
            lambda x: x.permute(0, 2, 3, 1).flatten(1),
            f"permute in Net.<lambda>: expected {KINDS}, got permute(x, 0, 2, 3, 1)",
        ),
    ],
)
def test_a_flatten_has_to_be_provable(flatten: Callable[[Tensor], Tensor], message: str | None) -> None:
    module = Net(lambda net, x: net.fc2(flatten(torch.relu(net.fc1(x)))))
    module.fc1, module.fc2 = nn.Conv2d(3, 4, 3), nn.Linear(144, 2)  # type: ignore[assignment]
    if message is None:
        assert str(Policy.from_torch(module, (3, 8, 8))) == "cnn:3x8x8-4k3-2"
    else:
        assert refusal(module, (3, 8, 8)) == message


class Unprintable(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def fails(net: Any, x: Tensor) -> Tensor:
    raise Unprintable


def test_names_and_reasons_stay_on_one_line() -> None:
    module = nn.Sequential()
    module.add_module("a\n\x1b[2J", nn.Linear(4, 8))
    module.add_module("b\ud800", nn.GLU())
    assert refusal(module) == f"layer b\\ud800 (GLU): expected {KINDS}, got GLU(dim=-1)"
    evil = type("Evil\n\x1b[31m", (nn.Module,), {"forward": lambda self, x: x * 2})()
    assert refusal(nn.Sequential(evil)) == (
        f"mul in forward of layer 0 (Evil\\n\\x1b[31m): expected {KINDS}, got mul(x, 2)"
    )
    assert refusal(Net(fails)).endswith("got Unprintable")
    assert refusal(Net(lambda net, x: F.threshold(net.fc1(x), 0, 0))).startswith("_threshold in Net.<lambda>: expected")
    module = chain()
    module.add_module("x" * 1000, nn.GLU())
    assert len(refusal(module)) < 600  # names are shown with at most 400 characters
