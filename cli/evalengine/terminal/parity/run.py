"""`evalengine parity`: is what we return what the references return, bit for bit? Prove it here and now.

Data flow: `ParityConfig` -> `run` -> `Report`. Nothing is printed here; the caller renders the report and chooses the
exit code from its verdict. What cannot be judged, because a package is missing or PyTorch adds in another order,
becomes a section that says so; everything else still runs.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import SEED_LIMIT, check_integer
from evalengine.environments.native import make
from evalengine.environments.registry import EnvironmentEntry, entries, resolve
from evalengine.errors import MissingDependencyError
from evalengine.files.frames import write_csv
from evalengine.files.whole import check_other_file, check_writable
from evalengine.parity import golden, libm
from evalengine.parity.closed_loop import ClosedLoop
from evalengine.parity.drivers import COMMON_DRIVERS, check_driver, player, policy_player
from evalengine.parity.evaluated import evaluate_section
from evalengine.parity.forward import logits_section, sections
from evalengine.parity.observed import observed_section, options_for
from evalengine.parity.open_loop import open_loop, variants_section
from evalengine.parity.pictures import write_png
from evalengine.parity.probe import Probe, probe
from evalengine.parity.report import Claim, Report, Section
from evalengine.parity.tables import parity_frame
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.parity.trace import VISITED_ROWS, spread_rows
from evalengine.policies.heads import Head
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.references import Reference, Variant, reference
from evalengine.references.versions import standing
from evalengine.workloads.individuals import individuals

ALL = "all"
"""The name that means every environment."""

_INDIVIDUALS = 4
_SHAPES = 40
_MOST_STEPS = 10**9

Progress = Callable[[str], object]


@dataclass(frozen=True)
class ParityConfig:
    """What to prove.

    Attributes:
        env: short name or full id of an environment, or "all".
        steps: of each section, over as many episodes as it takes.
        seed: of the first episode of each section, of the drivers, and of the random weights.
        policy: spelling of the policy; None means the environment's default.
        driver: the only driver of the open loop; None means all.
        out: a CSV file for the step-by-step difference; None writes none. Where images differ, pictures of the first
            difference are written beside it.
    """

    env: str
    steps: int = 1000
    seed: int = 0
    policy: str | None = None
    driver: str | None = None
    out: Path | None = None


@dataclass(frozen=True)
class _Plan:
    """One environment to be proven.

    Attributes:
        entry: the environment.
        reference: None where its packages are missing.
        unproven: why the reference cannot be asked; "" if it can.
        policy: for everything that needs one.
    """

    entry: EnvironmentEntry
    reference: Reference | None
    unproven: str
    policy: Policy


@dataclass(frozen=True)
class _Torch:
    """The PyTorch side.

    Attributes:
        policy: the running process; None where torch is missing.
        missing: why there is none; "" if there is one.
        found: what the probe found; None where torch is missing.
    """

    policy: TorchPolicy | None
    missing: str
    found: Probe | None

    def unproven_of(self, policy: Policy, has_tanh: bool = False) -> str:
        """Why it proves nothing of a policy, or of its actions where they are scaled by tanh; "" if it does."""
        return self.missing if self.found is None else self.found.unproven_of(policy, has_tanh)


def run(config: ParityConfig, progress: Progress | None = None) -> Report:
    """Prove what can be proven here; `progress` receives one short line whenever something begins.

    Writes the CSV (whole or not at all) if one is asked for; whether it can be written is checked before any work.

    Raises:
        InputError: an unknown environment, driver or policy, or a number outside its range.
        OutputError: the CSV cannot be written.
    """
    started = time.perf_counter()
    note = progress or (lambda line: None)
    check_integer("steps", config.steps, least=1, most=_MOST_STEPS)
    check_integer("seed", config.seed, least=0, most=SEED_LIMIT - 1)
    proves_all = config.env.strip().lower() == ALL
    plans = [_plan(entry, config) for entry in (entries() if proves_all else [resolve(config.env)])]
    if config.out is not None:
        for recorded in filter(None, (_golden_file(plan.entry.short_name) for plan in plans)):
            check_other_file("out", config.out, recorded, "the golden traces")
        check_writable(config.out)
    proven: list[Section] = []
    with ExitStack() as stack:
        note("PyTorch: start, order of summation" + (", forward pass of random shapes" if proves_all else ""))
        torch, found = _start_torch(stack, _SHAPES if proves_all else 0, config.seed)
        proven += found
        for plan in plans:
            note(f"{plan.entry.short_name}: open loop, evaluate, closed loop, logits")
            proven += _environment_sections(plan, config, torch)
    proven.append(libm.section(config.seed))
    stands_on = dict.fromkeys(("torch", "gymnasium", "numpy"))
    stands_on |= dict.fromkeys(package for plan in plans if plan.reference for package in plan.reference.packages)
    versions = standing(*stands_on).versions
    report = Report(proven, versions, time.perf_counter() - started)
    if config.out is not None:
        write_csv(parity_frame(report), config.out)
        _write_pictures(report, config.out)
    return report


def _write_pictures(report: Report, out: Path) -> None:
    """Write what first divergences look like next to the CSV: <its name>-<the section's>.png."""
    for section in report.sections:
        if section.picture is not None:
            name = re.sub(r"[^a-z0-9]+", "-", section.name.lower()).strip("-")
            write_png(section.picture, out.with_name(f"{out.stem}-{name}.png"))


def _plan(entry: EnvironmentEntry, config: ParityConfig) -> _Plan:
    policy = Policy(config.policy or entry.default_policy)
    policy.check_fits(entry)
    try:
        found, unproven = reference(entry.id), ""
    except MissingDependencyError as error:
        found, unproven = None, str(error)
    if config.driver is not None and found is not None:
        check_driver(config.driver, entry, found.drivers)
    return _Plan(entry, found, unproven, policy)


def _start_torch(stack: ExitStack, shapes: int, seed: int) -> tuple[_Torch, list[Section]]:
    """Start PyTorch for as long as the stack lives; probe it, and compare `shapes` random networks."""
    try:
        policy = stack.enter_context(TorchPolicy())
    except MissingDependencyError as error:
        reason = str(error)
        return _Torch(None, reason, None), [_unproven("forward pass", reason)] if shapes else []
    found = probe(policy)
    if shapes:
        return _Torch(policy, "", found), sections(shapes=shapes, seed=seed, torch_policy=policy, found=found)
    return _Torch(policy, "", found), found.sections()


def _environment_sections(plan: _Plan, config: ParityConfig, torch: _Torch) -> Iterator[Section]:
    """All sections of one environment, each when it is done."""
    name, seed = plan.entry.short_name, config.seed
    population = individuals(plan.entry, plan.policy, _INDIVIDUALS, seed)
    visited: list[NDArray[Any]] = []
    for section, observations in _open_loops(plan, config, population):
        visited += observations
        yield section
    recorded = _golden_file(name)
    if recorded is not None:
        yield golden.check(golden.load(recorded))
    yield evaluate_section(f"{name} evaluate", plan.entry.id, plan.policy, population, seed=seed, steps=config.steps)
    for section, observations in _closed_loops(plan, config, torch, population):
        visited += observations
        yield section
    if plan.policy.network.exactness is not None:
        return
    if torch.policy is None:
        yield _unproven(f"{name} logits", torch.missing)
    else:
        shown = [rows for rows in visited if len(rows)] or [_native_observations(plan.entry, seed, config.steps)]
        inputs = policy_inputs(plan.policy, _sample(shown))
        pair, rows = np.stack(population[:2]), np.stack([inputs, inputs])
        unproven = torch.unproven_of(plan.policy)
        section = logits_section(plan.policy, pair, rows, torch.policy, unproven=unproven)
        yield dataclasses.replace(section, name=f"{name} {section.name}")


def _open_loops(
    plan: _Plan, config: ParityConfig, population: Sequence[NDArray[np.float32]]
) -> Iterator[tuple[Section, list[NDArray[Any]]]]:
    """A section for each driver, and one for all variants; with the observations that the policy can be given."""
    name, found = plan.entry.short_name, plan.reference
    if found is None:
        yield _unproven(f"{name} open loop", plan.unproven), []
        return
    head = Head.of(plan.policy, plan.entry)
    drivers = [config.driver] if config.driver else [*COMMON_DRIVERS, *found.drivers]
    for driver in drivers:
        is_policy = driver == "policy"
        begin = policy_player(plan.policy, head, population) if is_policy else player(driver, plan.entry, found.drivers)
        title = f"{name} open loop, {driver}"
        section, visited = open_loop(
            found, Variant(), {driver: begin}, name=title, seed=config.seed, steps=config.steps
        )
        yield section, [visited]
    # Variants have observations of other shapes, which the policy cannot be given.
    own = [driver for driver in drivers if driver != "policy"]
    title = f"{name} open loop, variants"
    if own and found.variants:
        yield variants_section(found, own, name=title, seed=config.seed, steps=config.steps), []
    if own and not config.driver:
        # All of them together have as many steps as another section.
        options = options_for(plan.entry)
        for spelling in options:
            steps = -(-config.steps // len(options))
            yield observed_section(found, plan.entry, spelling, seed=config.seed, steps=steps), []


def _closed_loops(
    plan: _Plan, config: ParityConfig, torch: _Torch, population: Sequence[NDArray[np.float32]]
) -> Iterator[tuple[Section, list[NDArray[Any]]]]:
    """A section for the policy, and one for each loop that the adapter adds; with observations for the former."""
    name, not_claimed = plan.entry.short_name, plan.policy.network.exactness
    if not_claimed is not None:
        note = f"not claimed: {not_claimed}"
        yield Section(f"{name} closed loop and logits", Claim.NONE, steps=0, notes=(note,)), []
        return
    if plan.reference is None or torch.policy is None:
        yield _unproven(f"{name} closed loop", plan.unproven or torch.missing), []
        return
    loops = [ClosedLoop(plan.reference, plan.policy, config.seed)]
    if not config.policy:
        added = plan.reference.closed_loops
        loops += [ClosedLoop(plan.reference, Policy(policy), config.seed, variant) for variant, policy in added]
    for loop in loops:
        is_own = loop is loops[0]
        weights = population if is_own else individuals(loop.entry, loop.policy, _INDIVIDUALS, config.seed)
        section, rows = loop.section(loop.name, weights, config.steps, torch.policy)
        unproven = section.unproven or torch.unproven_of(loop.policy, has_tanh="tanh" in loop.head.uses)
        yield dataclasses.replace(section, unproven=unproven), [rows] if is_own else []


def _golden_file(short_name: str) -> Path | None:
    found = golden.folder()
    path = None if found is None else found / f"{short_name}.npz"
    return path if path is not None and path.is_file() else None


def _unproven(name: str, reason: str) -> Section:
    return Section(name=name, claim=Claim.EXACT, steps=0, unproven=reason)


def _sample(visited: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """At most `VISITED_ROWS` of all observations, evenly spread."""
    observations = np.concatenate(visited)
    return np.asarray(observations[spread_rows(len(observations), VISITED_ROWS)])


def _native_observations(entry: EnvironmentEntry, seed: int, steps: int) -> NDArray[Any]:
    """What our environment shows to random actions, where there is no reference to ask."""
    env, rng = make(entry.id), np.random.default_rng(seed)
    choose = player("random", entry, {})(env, rng)
    observations = [env.reset(seed=seed)[0]]
    for _ in range(min(steps, VISITED_ROWS)):
        observation, _, terminated, truncated, _ = env.step(choose(observations[-1]))
        observations.append(env.reset()[0] if terminated or truncated else observation)
    return np.stack(observations)
