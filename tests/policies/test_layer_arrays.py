"""Arrays layer by layer: NumPy's, Keras' and Flax's are the same network, or refused with the layer's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cli_answers
import numpy as np
import pytest
from cli_answers import Captured
from numpy.typing import NDArray

from evalengine import InputError, Policy, WeightsWarning, evaluate, load_weights
from evalengine.terminal import app

MLP = Policy("mlp:4-8-8-2")
CNN = Policy("cnn:3x12x10-4k3s2-6k3x2-7-5")
SQUARE = Policy("mlp:4-4-4")


def by_layer(policy: Policy, layout: str = "out_in") -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """A random individual, and its arrays as another library would have them."""
    vector = policy.init(1, seed=0)[0]
    arrays = list(policy.to_state_dict(vector).values())
    if layout == "out_in":
        return vector, arrays
    there = []
    image: tuple[int, int, int] | None = None
    for array in arrays:
        if array.ndim == 4:
            # HWIO: [row, column, in, out]
            out = np.empty((*array.shape[2:], array.shape[1], array.shape[0]), np.float32)
            for o, i, row, column in np.ndindex(array.shape):
                out[row, column, i, o] = array[o, i, row, column]
            there.append(out)
            image = IMAGE
        elif array.ndim == 2 and image is not None:
            channels, height, width = image
            planes = array.reshape(-1, channels, height, width)
            there.append(np.moveaxis(planes, 1, -1).reshape(len(array), -1).T.copy())
            image = None
        else:
            there.append(array.T.copy() if array.ndim == 2 else array)
    return vector, there


IMAGE = (6, 3, 3)
"""What CNN's convolutions leave: 12 x 10 -> 5 x 4 -> 3 x 3, of 6 channels."""


def forward(arrays: list[NDArray[Any]], inputs: NDArray[Any], strides: tuple[int, ...]) -> NDArray[np.float64]:
    """Keras' way in float64: channels last, x @ W, tanh between plain layers and relu in a convolutional network."""
    x = inputs.astype(np.float64)
    act = np.tanh if not strides else lambda z: np.maximum(z, 0.0)
    for number in range(0, len(arrays), 2):
        weight, bias = arrays[number].astype(np.float64), arrays[number + 1].astype(np.float64)
        if weight.ndim == 4:
            rows, columns, _, _ = weight.shape
            step = strides[number // 2]
            windows = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(1, 2))[:, ::step, ::step]
            x = np.einsum("bhwirc,rcio->bhwo", windows, weight) + bias
        else:
            x = x.reshape(len(x), -1) @ weight + bias
        x = act(x) if number + 2 < len(arrays) else x
    return np.asarray(x)


@pytest.mark.parametrize("layout", ["out_in", "in_out"])
@pytest.mark.parametrize("policy", [MLP, CNN, Policy("mlp:4-64-2")], ids=str)
def test_shapes_tell_the_layout(policy: Policy, layout: str) -> None:
    vector, arrays = by_layer(policy, layout)
    assert policy.from_arrays(arrays).tobytes() == vector.tobytes()
    assert policy.from_arrays(tuple(arrays), layout).tobytes() == vector.tobytes()


@pytest.mark.parametrize(("policy", "strides"), [(MLP, ()), (CNN, (2, 1))], ids=str)
def test_the_network_is_the_one_that_keras_plays(policy: Policy, strides: tuple[int, ...]) -> None:
    arrays = [3 * array for array in by_layer(policy, "in_out")[1]]
    shape = policy.input_shape if policy.arch == "mlp" else (12, 10, 3)
    inputs = np.random.default_rng(1).normal(size=(64, *shape)).astype(np.float32)
    expected = forward(arrays, inputs, strides)
    ours = inputs if policy.arch == "mlp" else np.moveaxis(inputs, -1, 1)
    logits = policy.logits(policy.from_arrays(arrays), ours)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-4)
    assert (logits.argmax(1) == expected.argmax(1)).all() and len(set(logits.argmax(1))) > 1


def test_inputs_behind_an_image_that_are_not_put_in_order_are_another_network() -> None:
    vector, arrays = by_layer(CNN, "in_out")
    dense = next(place for place, array in enumerate(arrays) if array.ndim == 2)
    kept = CNN.to_state_dict(vector)
    flat_as_is = [*kept.values()]
    flat_as_is[dense] = arrays[dense].T
    assert CNN.from_arrays(flat_as_is).tobytes() != vector.tobytes()


@pytest.mark.parametrize("policy", [SQUARE, Policy("mlp:4-4,bias=0"), Policy("cnn:3x3x3-3k3-3")], ids=str)
def test_squares_leave_the_layout_open(policy: Policy) -> None:
    vector, arrays = by_layer(policy)
    shapes = ", ".join(str(array.shape) for array in arrays if array.ndim > 1)
    with pytest.raises(InputError) as refused:
        policy.from_arrays(arrays)
    assert str(refused.value) == (
        "arrays: expected a layout, 'out_in' as in PyTorch or 'in_out' as in Keras and x @ W, for "
        f"{policy}: its weights {shapes} fit both"
    )
    assert policy.from_arrays(arrays, layout="out_in").tobytes() == vector.tobytes()
    turned = policy.from_arrays(arrays, layout="in_out")
    assert turned.tobytes() != vector.tobytes()
    inputs = np.random.default_rng(0).normal(size=(64, *policy.input_shape)).astype(np.float32)
    assert policy.logits(turned, inputs).tobytes() != policy.logits(vector, inputs).tobytes()


def test_one_layer_that_is_not_square_tells_all() -> None:
    policy = Policy("mlp:4-4-4-2")
    for layout in ("out_in", "in_out"):
        vector, arrays = by_layer(policy, layout)
        assert policy.from_arrays(arrays).tobytes() == vector.tobytes()


# Names


def test_kernels_of_keras_and_flax_say_what_they_are() -> None:
    vector, arrays = by_layer(SQUARE, "in_out")
    flax = {
        "params": {
            "Dense_1": {"kernel": arrays[2], "bias": arrays[3]},
            "Dense_0": {"kernel": arrays[0], "bias": arrays[1]},
        }
    }
    assert SQUARE.from_arrays(flax).tobytes() == vector.tobytes()
    assert SQUARE.from_arrays(flax, "out_in").tobytes() != vector.tobytes()
    vector, arrays = by_layer(CNN, "in_out")
    names = ["Conv_0", "Conv_1", "Dense_0", "Dense_1"]
    layers = {
        name: dict(zip(("bias", "kernel"), arrays[2 * n : 2 * n + 2][::-1], strict=True))
        for n, name in enumerate(names)
    }
    assert CNN.from_arrays({"params": dict(reversed(layers.items()))}).tobytes() == vector.tobytes()


@pytest.mark.parametrize("layout", ["out_in", "in_out"])
@pytest.mark.parametrize(
    "names",
    [
        ["W1", "b1", "W2", "b2", "W10", "b10"],
        ["arr_0", "arr_1", "arr_2", "arr_3", "arr_4", "arr_5"],
        ["w_0", "bias_0", "w_1", "bias_1", "w_2", "bias_2"],
        ["fc1/weights", "fc1/biases", "fc2/weights", "fc2/biases", "fc3/weights", "fc3/biases"],
        ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0", "dense_2/kernel:0", "dense_2/bias:0"],
    ],
)
def test_files_by_name_are_read_in_any_order(names: list[str], layout: str, tmp_path: Path) -> None:
    vector, arrays = by_layer(MLP, layout)
    by_name = dict(sorted(zip(names, arrays, strict=True), key=lambda item: item[0], reverse=True))
    savez: Any = np.savez
    savez(tmp_path / "w.npz", **by_name)
    assert load_weights(tmp_path / "w.npz", MLP).weights.tobytes() == vector.tobytes()
    assert MLP.flatten([by_name, by_name]).tobytes() == 2 * vector.tobytes()


def test_what_savez_calls_its_arrays_is_read(tmp_path: Path, capsys: Captured) -> None:
    path, policy = tmp_path / "keras.npz", Policy("mlp:4-16-2")
    vector, arrays = by_layer(policy, "in_out")
    np.savez(path, *arrays)
    answered = cli_answers.document("evaluate", capsys, path, "--policy", policy, "--env", "cartpole")
    assert answered["fitness"] == evaluate("cartpole", vector, policy, episodes=10).fitness.tolist()


def test_the_command_line_says_a_layout(tmp_path: Path, capsys: Captured) -> None:
    path, policy = tmp_path / "square.npz", Policy("mlp:8-8-4-4")
    vector, arrays = by_layer(policy, "in_out")
    np.savez(path, *arrays)
    asked = ["--policy", policy, "--env", "lunarlander", "--layout"]
    answered = cli_answers.document("evaluate", capsys, path, *asked, "in_out")
    assert answered["fitness"] == evaluate("lunarlander", vector, policy, episodes=10).fitness.tolist()
    line = cli_answers.refusal("evaluate", capsys, path, *asked, "out_in")
    assert line == (
        f"weights: {path}: arrays: arr_2: expected shape (4, 8) for out_in, the weight of layer 2 of {policy}, "
        "got (8, 4)"
    )
    line = cli_answers.refusal("replay", capsys, path, *asked, "rows")
    assert line == f"weights: {path}: layout: expected 'out_in' or 'in_out', got 'rows'"


# Numbers


def test_rounding_is_said_once_and_only_where_there_is_some(tmp_path: Path, capsys: Captured) -> None:
    vector, arrays = by_layer(MLP)
    exact = [array.astype(np.float64) for array in arrays]
    assert MLP.from_arrays(exact).tobytes() == vector.tobytes()
    wide = [array + 1e-12 for array in exact]
    with pytest.warns(WeightsWarning) as said:
        rounded = MLP.from_arrays(wide)
    changed = sum(int((array != array.astype(np.float32)).sum()) for array in wide)
    line = f"expected float32, got float64: {changed} of {MLP.n_params} numbers are rounded to float32"
    assert [str(warning.message) for warning in said] == [f"arrays: {line}"]
    assert said[0].filename == __file__
    assert rounded.tobytes() == np.concatenate([array.reshape(-1) for array in wide]).astype(np.float32).tobytes()
    flat, path = np.concatenate([array.reshape(-1) for array in wide]), tmp_path / "w.npy"
    np.save(path, np.stack([flat, flat]))
    with pytest.warns(WeightsWarning) as said:
        assert load_weights(path, MLP).weights.tobytes() == 2 * rounded.tobytes()
    line = f"weights: {path}: expected float32, got float64: {2 * changed} of {2 * MLP.n_params} numbers are rounded"
    assert [str(warning.message) for warning in said] == [f"{line} to float32"]
    assert app.main(["evaluate", str(path), "--policy", str(MLP), "--env", "cartpole", "--json"]) == 0
    assert capsys.readouterr().err == f"{line} to float32\n"
    with pytest.warns(WeightsWarning, match="^state dict: expected float32, got float64"):
        MLP.from_state_dict(dict(zip(MLP.to_state_dict(vector), wide, strict=True)))


def test_biases_may_be_rows_or_columns() -> None:
    vector, arrays = by_layer(MLP)
    rows = [array if array.ndim > 1 else array[np.newaxis] for array in arrays]
    columns = [array if array.ndim > 1 else array[:, np.newaxis] for array in arrays]
    assert MLP.from_arrays(rows).tobytes() == MLP.from_arrays(columns).tobytes() == vector.tobytes()


def test_half_of_the_layers_without_bias() -> None:
    policy = Policy("mlp:4-8-2,bias=0/1")
    vector, arrays = by_layer(policy, "in_out")
    assert policy.from_arrays(arrays).tobytes() == vector.tobytes()
    assert policy.from_arrays({"W1": arrays[0], "W2": arrays[1], "b2": arrays[2]}).tobytes() == vector.tobytes()


# Refusals


def zeros(*shapes: tuple[int, ...]) -> list[NDArray[np.float32]]:
    return [np.zeros(shape, np.float32) for shape in shapes]


OF_MLP = "mlp:4-8-8-2, weight and bias by layer, as (8, 4), (8,), (8, 8), (8,), (2, 8), (2,), or (in, out)"
NAMES = "expected names W1, b1, W2, b2, ..., or arr_0, arr_1, ..., with nothing but numbers to tell layers apart"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (zeros((4, 8), (8,)), f"expected 6 arrays for {OF_MLP}, got 2: (4, 8), (8,)"),
        (
            zeros((8, 4), (8,), (8, 7), (8,), (2, 8), (2,)),
            "array 2: expected shape (8, 8) for out_in or (8, 8) for in_out, the weight of layer 2 of mlp:4-8-8-2, got "
            "(8, 7)",
        ),
        (
            zeros((8, 4), (8,), (8, 8), (8,), (8, 2), (2,)),
            "expected one layout for all layers of mlp:4-8-8-2, got out_in in layer 1 and in_out in layer 3",
        ),
        (
            zeros((8, 4), (8,), (8, 8), (7,), (2, 8), (2,)),
            "array 3: expected shape (8,), the bias of layer 2 of mlp:4-8-8-2, got (7,)",
        ),
        (
            zeros((8, 4), (8, 8), (2, 8), (8,), (8,), (2,)),
            "array 1: expected shape (8,), the bias of layer 1 of mlp:4-8-8-2, got (8, 8)",
        ),
        (
            zeros((32,), (8,), (8, 8), (8,), (2, 8), (2,)),
            "array 0: expected shape (8, 4) for out_in or (4, 8) for in_out, the weight of layer 1 of mlp:4-8-8-2, got "
            "(32,)",
        ),
        (
            [np.zeros((8, 4), int), *zeros((8,), (8, 8), (8,), (2, 8), (2,))],
            "array 0: expected float32 (float64 and float16 are cast), got int64",
        ),
        ([[[0.0], [0.0, 1.0]], *zeros((8,), (8, 8), (8,), (2, 8), (2,))], "array 0: expected an array of numbers: "),
        (np.zeros(4), "expected a list of arrays by layer, or a mapping of names to them, got ndarray"),
        ({1: np.zeros(4)}, "expected names to be strings, got 1"),
        ({"W1": np.zeros(4), "scale": np.zeros(4)}, f"{NAMES}, got W1, scale"),
        ({"W1": np.zeros(4), "w1": np.zeros(4)}, f"{NAMES}, got W1, w1"),
        ({"b1": np.zeros(4)}, f"{NAMES}, got b1"),
        ({"left_W": np.zeros((4, 4)), "right_W": np.zeros((4, 4))}, f"{NAMES}, got left_W, right_W"),
        ({"arr_0": np.zeros(4), "arr_x": np.zeros(4)}, f"{NAMES}, got arr_0, arr_x"),
        ({"W\n1": np.zeros(4)}, f"expected 6 arrays for {OF_MLP}, got 1: (4,)"),
        ({}, f"expected 6 arrays for {OF_MLP}, got 0"),
        ({"arr_0": np.zeros(4), "x": np.zeros(4)}, f"{NAMES}, got arr_0, x"),
    ],
)
def test_what_does_not_fit_is_named(arrays: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        MLP.from_arrays(arrays)
    assert str(refused.value).startswith(f"arrays: {message}")
    assert str(refused.value).isprintable()


def test_cells_come_as_state_dicts_only(tmp_path: Path) -> None:
    policy = Policy("mlp:4-lstm8-2")
    vector = policy.init(1, seed=0)[0]
    tensors: Any = policy.to_state_dict(vector)
    np.savez(tmp_path / "w.npz", **tensors)
    assert load_weights(tmp_path / "w.npz", policy).weights.tobytes() == vector.tobytes()
    assert policy.flatten(tensors).tobytes() == vector.tobytes()
    with pytest.raises(InputError) as refused:
        policy.from_arrays(list(tensors.values()))
    assert str(refused.value) == (
        "arrays: expected a policy of linear layers and convolutions, got mlp:4-lstm8-2, with 0.weight_ih: use a state "
        "dict"
    )


def test_a_layout_that_there_is_not() -> None:
    for layout in ("keras", ["out_in"], 1):
        with pytest.raises(InputError, match=r"^layout: expected 'out_in' or 'in_out', got "):
            MLP.from_arrays(by_layer(MLP)[1], layout)  # type: ignore[arg-type]


def test_arrays_by_layer_among_individuals_are_told_where_to_go() -> None:
    _, arrays = by_layer(MLP)
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", arrays, MLP)
    assert str(refused.value) == (
        "weights[0]: expected a vector of shape (130,) for mlp:4-8-8-2, got (8, 4); arrays by layer are taken by "
        "policy.from_arrays"
    )
