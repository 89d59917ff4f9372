"""What runs when a module is called is what is read: hooks, wrappers, subclasses; and the module stays as it was."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_networks import KINDS, Net, chain, plainly, refusal

from evalengine import Policy

# Wrappers and subclasses


def doubled(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
    return output * 2


def hooked(module: nn.Module, hook: Callable[..., object] = doubled) -> nn.Module:
    module.register_forward_hook(hook)
    return module


def compiled(module: nn.Module) -> Any:
    return torch.compile(module, backend="eager")


class Doubled(nn.Sequential):
    """A Sequential that does more when it is called."""

    def __call__(self, x: Tensor) -> Tensor:
        output: Tensor = super().__call__(x)
        return output * 2


class Reversed(nn.Sequential):
    """A Sequential that runs its layers last to first."""

    def __iter__(self) -> Iterator[nn.Module]:
        return reversed(list(self._modules.values()))


class Clamped(nn.Tanh):
    """A layer of PyTorch's with a forward of its own."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).clamp(-0.9, 0.9)


def with_attribute(module: nn.Module, name: str, value: object) -> nn.Module:
    setattr(module, name, value)
    return module


def compiled_in_place(module: nn.Module) -> nn.Module:
    module.compile(backend="eager")
    return module


class Around(nn.Module):
    """A module that calls another one."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x)
        return logits


def scripted() -> nn.Module:
    trace: Any = torch.jit.trace
    traced: nn.Module = trace(chain(), torch.zeros(1, 4))
    return traced


def mul(where: str) -> str:
    return f"mul {where}: expected {KINDS}, got mul(x, 2)"


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: hooked(compiled(chain())), mul("in OptimizedModule.doubled")),
        (lambda: compiled(hooked(chain())), mul("in doubled of layer _orig_mod (Sequential)")),
        (lambda: Doubled(*chain()), mul("in Doubled.__call__")),
        (lambda: nn.Sequential(Doubled(*chain())), mul("in __call__ of layer 0 (Doubled)")),
        (lambda: hooked(nn.DataParallel(chain())), mul("in DataParallel.doubled")),
        (
            lambda: Reversed(*chain()),
            "layer 0 (Linear): expected weights (8, 2) after the layers before, got (8, 4)",
        ),
        (
            lambda: nn.Sequential(nn.Linear(4, 8), Clamped(), nn.Linear(8, 2)),
            f"clamp in forward of layer 1 (Clamped): expected {KINDS}, got clamp(x, -0.9, 0.9)",
        ),
        (
            lambda: with_attribute(Net(lambda net, x: plainly(net, x) * 2), "_orig_mod", chain()),
            mul("in Net.<lambda>"),
        ),
        (
            scripted,
            "layer 0 (TopLevelTracedModule): expected a module in Python, got TorchScript",
        ),
        (
            lambda: nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.Linear(8, 2)),
            "layer 0 (LazyLinear): expected a layer with its sizes, got one that no input has reached",
        ),
        (
            lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, bias=True), nn.Tanh(), nn.Linear(8, 2)).eval(),
            "layer 1 (BatchNorm1d): a batch normalisation's running statistics are no parameters, so no flat vector "
            "has them; fold it into the layer before it, after which nothing changes in eval(): "
            "torch.nn.utils.fusion.fuse_conv_bn_eval(conv, norm), or fuse_linear_bn_eval(linear, norm)",
        ),
        (
            lambda: nn.Sequential(nn.Linear(4, 8), nn.Bilinear(8, 8, 2)),
            f"layer 1 (Bilinear): expected {KINDS}, got {nn.Bilinear(8, 8, 2)!r}",
        ),
        (
            lambda: nn.ModuleList(chain()),
            "ModuleList: expected a chain of layers that can be read, got NotImplementedError: Module [ModuleList] is "
            'missing the required "forward" function',
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning", "ignore:.*torch.jit.*:FutureWarning")
def test_what_a_wrapper_or_a_subclass_adds_is_named(module: Callable[[], nn.Module], message: str) -> None:
    assert refusal(module()) == message


@pytest.mark.parametrize(
    "module",
    [
        lambda: compiled(chain()),
        lambda: compiled_in_place(chain()),
        lambda: Around(compiled(chain())),
        lambda: Around(compiled_in_place(chain())),
        lambda: Net(torch.compile(plainly, backend="eager")),
        lambda: nn.DataParallel(chain()),
        lambda: Around(nn.DataParallel(nn.DataParallel(chain()))),
        lambda: Reversed(nn.Linear(8, 2), nn.Tanh(), nn.Linear(4, 8)),
        lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2)).eval(),
        lambda: torch.fx.symbolic_trace(Around(chain())),
        lambda: with_attribute(chain(), "training", "yes"),
        lambda: Net(torch.inference_mode()(plainly)),
    ],
)
def test_what_only_wraps_is_read_through(module: Callable[[], nn.Module]) -> None:
    made = module()
    policy = Policy.from_torch(made)
    assert str(policy) == "mlp:4-8-2"
    observations = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32))
    with torch.no_grad():
        expected = made(observations)
        assert torch.equal(policy.to_torch(policy.flatten(made))(observations), expected)


def test_hooks_on_all_modules_are_part_of_a_call() -> None:
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: output.clamp(-1, 1) if isinstance(module, nn.Tanh) else None
    )
    try:
        assert refusal(chain()).startswith("clamp in <lambda> of layer 1 (Tanh): expected Linear")
    finally:
        handle.remove()
    assert str(Policy.from_torch(chain())) == "mlp:4-8-2"


# The module stays as it was


def keeps(net: Any, x: Tensor) -> Tensor:
    with net.lock:
        hidden = torch.tanh(net.fc1(x))
        net.hidden = hidden
        net.calls += 1
        net.steps += 1
        net.recent.append(hidden.detach().cpu().numpy())
        net.log["means"].append(hidden.mean())
        logits: Tensor = net.fc2(hidden)
        return logits


def test_what_a_module_keeps_is_as_before() -> None:
    net: Any = Net(keeps)
    net.lock, net.calls, net.recent, net.log = threading.Lock(), 3, deque([1], maxlen=1), {"means": [2]}
    net.register_buffer("steps", torch.zeros(()))
    net(torch.zeros(1, 4))  # now it holds an activation with a graph behind it, which cannot be deep-copied
    net.calls, hidden, state = 3, net.hidden, torch.get_rng_state()
    before = [tensor.detach().clone() for tensor in (*net.parameters(), *net.buffers())]
    recent, means = list(net.recent), list(net.log["means"])
    owned = [id(tensor) for tensor in (*net.parameters(), *net.buffers())]
    assert Policy("mlp:4-8-2").flatten([net, net]).shape == (2, 58)
    assert net.hidden is hidden and net.calls == 3 and not net.lock.locked()
    assert list(map(id, net.recent)) == list(map(id, recent)) and list(map(id, net.log["means"])) == list(
        map(id, means)
    )
    assert owned == [id(tensor) for tensor in (*net.parameters(), *net.buffers())]
    assert all(torch.equal(old, new) for old, new in zip(before, (*net.parameters(), *net.buffers()), strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert "forward" not in vars(net)


def clipped(net: Any, x: Tensor) -> Tensor:
    net.fc1.weight.data.clamp_(-1, 1)
    return plainly(net, x)


def test_a_refused_module_is_as_before_too() -> None:
    net: Any = Net(clipped)
    nn.init.constant_(net.fc1.weight, 7)
    weight = net.fc1.weight
    refusal(net)
    assert net.fc1.weight is weight and bool((weight == 7).all())


def test_threads_may_read_one_module() -> None:
    net, policy = Net(plainly), Policy("mlp:4-8-2")
    expected = nn.utils.parameters_to_vector(net.parameters()).detach().numpy().tobytes()
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(policy.flatten(net).tobytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


class Uninitialised(nn.Module):
    """A module that forgets nn.Module's own __init__."""

    def __init__(self) -> None:
        pass


class Parent(nn.Module):
    """A module whose layer knows it, too: a circle."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Around(chain())
        self.inner.parent = self

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x)
        return logits


def test_circles_are_read_and_modules_that_were_never_made_are_refused() -> None:
    assert str(Policy.from_torch(Parent())) == "mlp:4-8-2"
    assert refusal(Uninitialised()).startswith(
        "expected Uninitialised to list its layers, got 'Uninitialised' object has"
    )


def test_what_is_set_outside_does_not_matter() -> None:
    modules = [chain(), Net(plainly)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert {str(Policy.from_torch(module)) for module in modules} == {"mlp:4-8-2"}
    with torch.inference_mode(), torch.device("meta"):
        assert {str(Policy.from_torch(module)) for module in modules} == {"mlp:4-8-2"}
