"""Everything that `evaluate` has, with graphs: the same call as with networks, the answers of one at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_answers import Captured, document, refusal
from graph_examples import genome, population

from evalengine import (
    CancelledError,
    Evaluation,
    Graph,
    GraphPolicy,
    Graphs,
    InputError,
    NonFiniteError,
    Normalization,
    evaluate,
    evaluate_on,
    make,
    neat,
)
from evalengine.policies.graph_form import actions_of

POLICY = GraphPolicy("neat:4-2,sum=compensated")


def equal(first: Evaluation, second: Evaluation) -> bool:
    names = ("fitness", "returns", "lengths", "terminated", "truncated", "failed", "seeds", "descriptors")
    pairs = [(getattr(first, name), getattr(second, name)) for name in names]
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") if a is not None else b is None for a, b in pairs)


def loop(
    env_id: str, policy: GraphPolicy, graph: Graphs, seed: int, limit: int, *, epsilon: float, sticky: float
) -> tuple[float, list[Any]]:
    """One episode with the native environment, all outputs since it began, and NumPy's draws in the order stated."""
    env = make(env_id, max_episode_steps=limit)
    low, high, n_actions = env.entry.action_low or (), env.entry.action_high or (), env.entry.n_actions
    actions: list[Any] = []
    rng = np.random.default_rng([int.from_bytes(b"actions", "big"), seed])
    observation, _ = env.reset(seed=seed)
    seen, total, ended = [], 0.0, False
    while not ended:
        seen.append(np.asarray(observation).reshape(-1))
        outputs = policy.outputs(graph, np.stack(seen))[0, -1:]
        action = actions_of(policy.head_for(env.entry), outputs, env.entry)[0]
        if epsilon and rng.random() < epsilon:
            action = rng.uniform(low, high).astype(np.float32) if n_actions is None else rng.integers(n_actions)
        if sticky and actions and rng.random() < sticky:
            action = actions[-1]
        actions.append(action)
        observation, reward, terminated, truncated, _ = env.step(action if np.ndim(action) else int(action))
        total += float(reward)
        ended = terminated or truncated
    return total, actions


@pytest.mark.parametrize(
    ("env_id", "spelling", "chances"),
    [
        ("cartpole", "neat:4-2", {}),
        ("cartpole", "neat:4-2", {"epsilon": 0.2, "sticky": 0.3}),
        ("cartpole", "neat:4-1,net=recurrent", {"epsilon": 0.2}),
        ("acrobot", "neat:6-3,inputs=list", {"sticky": 0.3}),
        ("pendulum", "neat:3-1,head=scale", {"epsilon": 0.2, "sticky": 0.3}),
        ("mountaincarcontinuous", "neat:2-1,head=tanh", {}),
        ("bipedalwalker", "neat:24-4,net=recurrent,head=tanh", {"epsilon": 0.1, "sticky": 0.5}),
        ("snake", "neat:720-4", {}),
    ],
)
def test_returns_are_those_of_a_loop_with_the_same_outputs(
    env_id: str, spelling: str, chances: dict[str, float]
) -> None:
    policy = GraphPolicy(spelling)
    graphs = population(6, policy.n_inputs, policy.n_outputs, seed=3)
    options: dict[str, Any] = {"seeds": [5, 2**40], "max_episode_steps": 40, **chances}
    result = evaluate(env_id, graphs, policy, trajectories=range(6), **options)
    assert np.array_equal(evaluate(env_id, graphs, policy, threads=1, **options).returns, result.returns)
    drawn = {"epsilon": 0.0, "sticky": 0.0, **chances}
    for index, graph in enumerate(graphs):
        for place, seed in enumerate((5, 2**40)):
            total, actions = loop(env_id, policy, graph, seed, 40, **drawn)
            assert result.returns[index, place] == total
            assert result.trajectories is not None
            assert np.array_equal(result.trajectories[index][place].actions, actions)


def test_bytes_of_pictures_are_numbers_of_their_own() -> None:
    """A byte times a Python float is a float64 for NumPy: neither the float32 of the same byte, nor byte / 255."""
    seen = {"skip": 4, "grayscale": True, "resize": (4, 4)}
    policy = GraphPolicy("neat:16-3,sum=plain")
    graphs = population(3, 16, 3, seed=8)
    result = evaluate("carracing", graphs, policy, observation=seen, max_episode_steps=40, trajectories=[0])
    assert result.trajectories is not None
    frames = result.trajectories[0][0].observations
    outputs = policy.outputs(graphs[0], frames[:-1].reshape(-1, 16))[0]
    actions = np.clip(outputs, [-1, 0, 0], [1, 1, 1]).astype(np.float32)
    assert np.array_equal(result.trajectories[0][0].actions, actions)
    with pytest.raises(InputError, match="collect_statistics: expected observations of float32 for graphs, got uint8"):
        evaluate("carracing", graphs, policy, observation=seen, collect_statistics=True)


def test_neither_threads_nor_the_population_change_a_bit() -> None:
    graphs = population(40)
    for net in ("feedforward", "recurrent"):
        policy = GraphPolicy.from_sizes(4, 2, net=net)
        whole = evaluate("cartpole", graphs, policy, episodes=3, threads=1, descriptors=["mean(x)"])
        assert len(set(whole.lengths.ravel().tolist())) > 5
        for threads in (2, 3):
            assert equal(
                evaluate("cartpole", graphs, policy, episodes=3, threads=threads, descriptors=["mean(x)"]), whole
            )
        alone = [evaluate("cartpole", graph, policy, episodes=3).returns[0] for graph in graphs]
        assert np.array_equal(np.array(alone), whole.returns)


def test_recurrent_graphs_forget_when_an_episode_begins() -> None:
    graph = Graph([0, 1], "identity", 0.0, [(-3, 0), (0, 0), (-3, 1), (1, 1)], [1.0, 1.0, -1.0, 1.0])
    policy = GraphPolicy("neat:4-2,net=recurrent")
    many = evaluate("cartpole", graph, policy, seeds=[3] * 5 + [4] * 5).returns[0]
    assert len(set(many[:5].tolist())) == len(set(many[5:].tolist())) == 1
    memoryless = evaluate("cartpole", graph, policy, seeds=[3], max_episode_steps=1)
    assert memoryless.lengths[0, 0] == 1


def test_everything_that_evaluate_has_works() -> None:
    graphs = population(12, 8, 4)
    normalize = Normalization(np.full(8, 0.1), np.full(8, 0.5), clip=2.0)
    result = evaluate(
        "lunarlander",
        graphs,
        "neat:8-4",
        seeds=np.arange(24, dtype=np.uint64).reshape(12, 2),
        descriptors=["last(x)", "mean(reward)"],
        trajectories=[3],
        normalize=normalize,
        collect_statistics=True,
        keep=("final_observation",),
        max_episode_steps=60,
        env_kwargs={"gravity": -9.0},
    )
    assert result.descriptors is not None
    assert result.descriptors.shape == (12, 2, 2)
    assert result.statistics is not None
    assert result.statistics.count == result.steps
    assert result.final_observation is not None
    policy = GraphPolicy("neat:8-4")
    assert result.trajectories is not None
    seen = result.trajectories[3][1].observations
    outputs = policy.outputs(graphs[3], normalize.applied(seen[:-1]))[0]
    assert np.array_equal(outputs.argmax(axis=1), result.trajectories[3][1].actions)


def test_calls_are_cancelled_and_report_progress() -> None:
    told: list[tuple[int, int]] = []
    evaluate("cartpole", population(20), POLICY, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        evaluate("cartpole", population(20), POLICY, cancel=cancel)


def test_executors_give_the_same_bits() -> None:
    graphs = population(30)
    expected = evaluate("cartpole", graphs, POLICY, episodes=2, descriptors=["last(x)"])
    with ThreadPoolExecutor(2) as executor:
        got = evaluate_on(executor, "cartpole", graphs, POLICY, episodes=2, descriptors=["last(x)"], shares=7)
    assert equal(got, expected)
    with ProcessPoolExecutor(1) as executor:
        got = evaluate_on(executor, "cartpole", graphs[0], POLICY, episodes=2)
    assert np.array_equal(got.returns, expected.returns[:1])
    bad = Graph([0, 1], "tanh", 0.0, [(0, 0)], 1.0)
    with ThreadPoolExecutor(2) as executor, pytest.raises(InputError, match=r"graphs\[5\]: node 0: expected no circle"):
        evaluate_on(executor, "cartpole", [Graph([0, 1], "tanh", 0.0, [], [])] * 5 + [bad], POLICY)


def test_errors_of_python_are_outputs_that_are_not_finite() -> None:
    bold = Graph([0, 1, 2], ["identity", "identity", "square"], 0.0, [(-1, 2), (2, 0), (-1, 1)], [1e200, 1e-300, 1.0])
    with pytest.raises(NonFiniteError) as caught:
        evaluate("cartpole", [bold], "neat:4-2,inputs=list")
    assert (caught.value.individual, caught.value.episode) == (0, 0)
    result = evaluate("cartpole", bold, "neat:4-2,inputs=list", on_nan=-3.0)
    assert (result.fitness.tolist(), result.failed.tolist()) == ([-3.0], [True])


def test_the_first_graph_that_is_none_is_named_whatever_the_threads() -> None:
    good, bad = Graph([0, 1], "tanh", 0.0, [], []), Graph([0, 1], "tanh", 0.0, [(0, 0)], 1.0)
    graphs = [bad if index in (43, 44, 90) else good for index in range(100)]
    for threads in (1, 2, 3):
        with pytest.raises(InputError, match=r"graphs\[43\]: node 0: expected no circle"):
            evaluate("cartpole", graphs, POLICY, threads=threads)


def fitting_genome(**changes: Any) -> Any:
    nodes: Any = {0: {}, 1: {}, 7: {"activation": "tanh", **changes}}
    return genome(nodes, {(-1, 7): 0.3, (-3, 7): -2.0, (7, 0): 1.0, (7, 1): -0.5})


@pytest.mark.parametrize("net", ["feedforward", "recurrent"])
def test_genomes_that_are_read_while_others_play_are_what_their_arrays_are(net: str) -> None:
    policy = GraphPolicy.from_sizes(4, 2, net=net)
    genomes = [fitting_genome(bias=0.1 * index - 4.0) for index in range(83)]
    genomes[41].nodes[9] = genome({9: {"activation": "sin", "bias": 0.25}}, {}).nodes[9]
    genomes[41].connections[(9, 0)] = genome({}, {(9, 0): 1.5}).connections[(9, 0)]
    whole = evaluate("cartpole", Graphs.of(genomes), policy, episodes=3, threads=1, descriptors=["mean(x)"])
    assert len(set(whole.lengths.ravel().tolist())) > 5
    for threads in (1, 2, 3, None):
        forms: list[Any] = [genomes, tuple(enumerate(genomes)), dict(enumerate(genomes))]
        for given in forms:
            got = evaluate("cartpole", given, policy, episodes=3, threads=threads, descriptors=["mean(x)"])
            assert equal(got, whole)


def test_a_bad_genome_ends_the_call_though_others_have_been_played() -> None:
    good, circle = fitting_genome(), fitting_genome()
    circle.connections[(7, 7)] = circle.connections[(7, 0)]
    odd, infinite = fitting_genome(activation="mine"), fitting_genome(bias=float("inf"))
    told: list[Any] = []
    for threads in (1, 2, 3):

        def found(*places: tuple[int, Any], threads: int = threads, **options: Any) -> InputError:
            genomes = [dict(places).get(index, good) for index in range(70)]
            with pytest.raises(InputError) as caught:
                evaluate(
                    "cartpole", genomes, POLICY, threads=threads, progress=lambda *done: told.append(done), **options
                )
            return caught.value

        assert str(found((69, circle), (50, circle))).startswith("graphs[50]: node 7: expected no circle in a feed-")
        # What cannot be read comes before what is read and is no graph, and that before numbers.
        assert "graphs[69]: node 7: expected an activation" in str(found((69, odd), (3, circle)))
        assert "graphs[69]: expected genomes, or a Graph each" in str(found((69, "genome"), (3, circle)))
        assert "graphs[69]: node 7: expected no circle" in str(found((69, circle), (3, infinite)))
        error = found((69, infinite), (33, infinite))
        assert str(error) == "graphs: individual 33: node 7: expected a finite bias, got inf"
        assert isinstance(error, NonFiniteError)
        assert error.individual == 33
        assert "graphs[68]: node 7: expected no circle" in str(found((68, circle), (3, infinite), on_nan=0.0))
    assert not told


def test_an_attribute_of_a_genome_may_raise_and_run_python() -> None:
    class Gene:
        enabled = True

        def __init__(self, weight: float) -> None:
            self._weight = weight

        @property
        def weight(self) -> float:
            if self._weight > 1:
                raise RuntimeError("no")
            return float(np.add(self._weight, 1.0))

    def with_gene(weight: float) -> Any:
        one = fitting_genome()
        one.connections[(-1, 7)] = Gene(weight)
        return one

    same = fitting_genome()
    same.connections[(-1, 7)].weight = -0.5 + 1.0
    result = evaluate("cartpole", [with_gene(-0.5)] * 40, POLICY, threads=2)
    assert np.array_equal(result.returns, evaluate("cartpole", [same] * 40, POLICY).returns)
    with pytest.raises(InputError, match=r"graphs\[39\]: connection -1 to 7: expected weight, got none"):
        evaluate("cartpole", [*[with_gene(-0.5)] * 39, with_gene(2.0)], POLICY, threads=2)


def test_no_individuals_are_a_population() -> None:
    assert evaluate("cartpole", [], POLICY, episodes=2).returns.shape == (0, 2)
    assert evaluate("cartpole", Graphs.of([]), POLICY, episodes=2).returns.shape == (0, 2)


class Config:
    """What `neat.policy` looks at."""

    def __init__(self, **changes: Any) -> None:
        self.genome_config = self
        self.num_inputs, self.num_outputs, self.feed_forward = 4, 2, True
        self.input_keys, self.output_keys = [-1, -2, -3, -4], [0, 1]
        self.__dict__.update(changes)


def test_a_configuration_says_what_the_policy_is() -> None:
    assert neat.policy(Config()) == GraphPolicy("neat:4-2")
    assert neat.policy(Config(feed_forward=False)) == GraphPolicy("neat:4-2,net=recurrent")
    chosen = neat.policy(Config(), net="recurrent", inputs="list", sum="plain", head="argmax")
    assert chosen == GraphPolicy("neat:4-2,net=recurrent,inputs=list,sum=plain,head=argmax")
    for config, expected in (
        (3, "config: expected a neat.Config, got"),
        (Config(input_keys=[1, 2, 3, 4]), "config: expected the keys -1, -2, ... for inputs"),
    ):
        with pytest.raises(InputError, match=expected):
            neat.policy(config)
    taken_for_a_policy: Any = Config()
    with pytest.raises(InputError, match=r"policy: expected evalengine.neat.policy\(config\), got the neat.Config"):
        evaluate("cartpole", [fitting_genome()], taken_for_a_policy)


def test_functions_of_a_users_own_are_refused_by_name() -> None:
    library = pytest.importorskip("neat")
    from evalengine.references.neat_genomes import Kind, configuration

    config = configuration(Kind(), 2)
    assert str(neat.policy(config)).startswith("neat:4-2")
    config.genome_config.add_activation("tanh", lambda z: z)
    with pytest.raises(InputError, match="config: activations: expected neat-python's own function for tanh"):
        neat.policy(config)
    config = configuration(Kind(), 2)
    config.genome_config.add_activation("mine", library.activations.tanh_activation)
    policy = neat.policy(config)
    with pytest.raises(InputError, match=r"graphs\[0\]: node 1: expected an activation among .*, got 'mine'"):
        evaluate("cartpole", genome({0: {}, 1: {"activation": "mine"}}, {}), policy)


def test_fitness_goes_back_to_the_genomes() -> None:
    genomes = [(7, genome({0: {}, 1: {}}, {})), (9, genome({0: {}, 1: {"bias": 1.0}}, {}))]
    fitness = evaluate("cartpole", genomes, POLICY).fitness
    neat.assign(genomes, fitness)
    assert [one.fitness for _, one in genomes] == fitness.tolist()
    assert all(type(one.fitness) is float for _, one in genomes)
    neat.assign([one for _, one in genomes], [1, 2])
    assert genomes[1][1].fitness == 2.0
    with pytest.raises(InputError, match=r"fitness: expected shape \(2,\)"):
        neat.assign(genomes, [1.0])


def test_the_command_line_evaluates_a_file(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "graphs.npz"
    POLICY.save(path, population(70), "cartpole")
    expected = evaluate("cartpole", population(70), POLICY, episodes=10)
    found = document("evaluate", capsys, path, "--episodes", 10)
    assert (found["fitness"], found["policy"]) == (expected.fitness.tolist(), str(POLICY))
    out = tmp_path / "rows.csv"
    document("evaluate", capsys, path, "--episodes", 10, "--out", out, notes=True)
    assert len(out.read_text().splitlines()) == 71
    one = document("evaluate", capsys, path, "--episodes", 10, "--index", 5)
    assert one["fitness"] == [expected.fitness[5]]
    path.with_name("graphs.npz.json").unlink()
    assert "say which policy they are with --policy" in refusal("evaluate", capsys, path)
    assert document("evaluate", capsys, path, "--policy", str(POLICY), "--episodes", 10)["fitness"] == found["fitness"]


@pytest.mark.parametrize("net", ["feedforward", "recurrent"])
def test_a_graph_is_drawn(tmp_path: Path, net: str, capsys: Captured) -> None:
    from evalengine.terminal import app

    pytest.importorskip("networkx")
    pytest.importorskip("matplotlib")
    path = tmp_path / "graphs.npz"
    GraphPolicy.from_sizes(4, 2, net=net).save(path, population(3), "cartpole")
    for suffix, start in ((".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF")):
        picture = tmp_path / f"picture{suffix}"
        assert app.main(["draw", str(path), str(picture), "--index", "1"]) == 0
        assert picture.read_bytes().startswith(start)
    assert b">sigmoid<" in (tmp_path / "picture.svg").read_bytes() or (tmp_path / "picture.svg").stat().st_size > 5_000
    capsys.readouterr()
    for arguments, expected in (
        ([path, tmp_path / "picture.txt"], "expected a name ending in .svg, .png, .pdf"),
        ([path, path], "expected another file"),
        ([path, tmp_path / "picture.svg", "--index", 3], "index: expected a position from 0"),
    ):
        assert app.main(["draw", *map(str, arguments)]) == app.BAD_INPUT
        assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("env_id", "spelling"), [("cartpole", "neat:4-1"), ("bipedalwalker", "neat:24-4,net=recurrent,head=tanh")]
)
def test_a_graph_is_replayed_in_gymnasium(env_id: str, spelling: str, tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("gymnasium")
    policy = GraphPolicy(spelling)
    path = tmp_path / "graphs.npz"
    policy.save(path, population(3, policy.n_inputs, policy.n_outputs), env_id, max_episode_steps=60)
    chances = ["--epsilon", 0.1, "--sticky", 0.3]
    found = document("replay", capsys, path, "--index", 1, "--episodes", 2, *chances, notes=True)
    assert found["policy"] == str(policy)
    assert len(found["episodes"]) == 2  # equal to the bit: otherwise the exit code would be 1
