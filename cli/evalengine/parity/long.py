"""`make parity`: the long proof, on all cores, and resumable.

    python -m evalengine.parity.long [--only PART ...] [--steps N] [--shapes N] [--record parity/PARITY.md]

    all_chunks ──► worker processes ──► journal in .cache/parity ──► Report ──► tables, report.json, PARITY.md

Every finished chunk is a line in a journal, whose name depends on the extension's bytes, on this package's sources and
on the versions of the references: an interrupted run goes on where it was, and a changed engine starts anew. The proof
has parts (an environment, the networks, ...), each of which can be run, and written down, by itself. Exit codes as of
`evalengine parity`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalengine import _engine, streams
from evalengine.clusters.workers import WorkerPool
from evalengine.environments.registry import entries
from evalengine.errors import EvalEngineError, InputError, MissingDependencyError
from evalengine.evaluation.provenance import provenance
from evalengine.files.whole import check_writable, write_whole
from evalengine.lifetimes import ending_in_order
from evalengine.parity.chunks import ACTIVATIONS, Chunk, Finished, all_chunks, all_parts, prepare_worker, run_timed
from evalengine.parity.evidence import Evidence, record_evidence
from evalengine.parity.graphs import missing_graphs
from evalengine.parity.report import Claim, Report, Section, Verdict
from evalengine.parity.tables import parity_report
from evalengine.references.versions import REFERENCES, standing

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1]
_SWEEPS = (
    (Chunk("sweep_tanh", "", "", 0, 2**32), "tanh in lanes against its table, all float32"),
    (Chunk("sweep_libm", "", "", 0, 112_400_000), "sin, cos, pow(x, 2), fmod in lanes against libm"),
)
_EXIT_CODES = {Verdict.HOLDS: 0, Verdict.BROKEN: 1, Verdict.UNPROVEN: 3}


class Journal:
    """The finished chunks of one version of everything, a JSON line each.

    Attributes:
        path: the file.
    """

    def __init__(self, folder: Path) -> None:
        """Choose the file for what is installed now; end its last line, should an interruption have cut it short."""
        self.path = folder / f"{_fingerprint()}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as stream:
            if stream.tell():
                stream.seek(-1, 2)
                if stream.read(1) != b"\n":
                    stream.write(b"\n")

    def read(self) -> dict[str, Finished]:
        """Return each finished chunk by its key; a line that was cut short does not count."""
        finished = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            finished[row["chunk"]] = [Section.from_json(section) for section in row["sections"]], row["seconds"]
        return finished

    def add(self, chunk: Chunk, finished: Finished) -> None:
        """Append a finished chunk."""
        sections, seconds = finished
        row = {"chunk": chunk.key, "seconds": seconds, "sections": [section.to_json() for section in sections]}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")


def _fingerprint() -> str:
    """A hash of all that the results can depend on: the extension, the Python sources, the versions."""
    fingerprint = hashlib.sha256(Path(_engine.__file__).read_bytes())
    for source in sorted(_PACKAGE.rglob("*.py")):
        fingerprint.update(source.read_bytes())
    versions = {"python": sys.version, **standing(*REFERENCES).versions}
    fingerprint.update(json.dumps(versions, sort_keys=True).encode())
    return fingerprint.hexdigest()[:16]


def prove(chunks: Sequence[Chunk], journal: Journal, processes: int) -> list[Finished]:
    """Run what the journal does not have yet, and return what each chunk found."""
    finished = journal.read()
    todo = [chunk for chunk in chunks if chunk.key not in finished]
    streams.note(f"{len(chunks)} chunks, {len(chunks) - len(todo)} of them in {journal.path}; {processes} processes")
    done = len(chunks) - len(todo)
    if todo:
        with WorkerPool(min(processes, len(todo)), prepare_worker) as pool:
            for chunk, result in pool.map_unordered(run_timed, todo):
                journal.add(chunk, result)
                finished[chunk.key] = result
                done += 1
                streams.note(f"{done}/{len(chunks)} {_outcome(chunk, result)}")
    return [finished[chunk.key] for chunk in chunks]


def merged_by_name(finished: Sequence[Finished]) -> list[Section]:
    """Return one section for each name, in the order in which the names come first."""
    by_name: dict[str, list[Section]] = {}
    for sections, _ in finished:
        for section in sections:
            by_name.setdefault(section.name, []).append(section)
    return [Section.merged(parts) for parts in by_name.values()]


def sweep(journal: Journal, chunk: Chunk, name: str) -> Finished:
    """Return what the sweep of a function in lanes says, an example of the crate lane-math that cargo builds and runs.

    Args:
        journal: of the run.
        chunk: its kind is the example's name.
        name: of the section.
    """
    found = journal.read().get(chunk.key)
    if found is not None:
        return found
    manifest = _CHECKOUT / "rust" / "Cargo.toml"
    cargo = shutil.which("cargo")
    if cargo is None or not manifest.exists():
        return [Section(name=name, claim=Claim.EXACT, steps=0, unproven=f"{name}: needs cargo and the sources")], 0.0
    streams.note(f"sweeping {name}")
    started = time.perf_counter()
    command = [cargo, "run", "--release", "--locked", "--manifest-path", str(manifest), "-p", "lane-math"]
    run = subprocess.run([*command, "--example", chunk.kind], stdout=subprocess.PIPE, text=True, check=False)
    if not run.stdout:
        raise EvalEngineError(f"{name}: the sweep did not run (exit code {run.returncode})")
    notes = tuple(" ".join(line.split()) for line in run.stdout.splitlines() if line.strip())
    section = Section(name=name, claim=Claim.EXACT, steps=chunk.steps, mismatches=int(run.returncode != 0), notes=notes)
    finished = [section], time.perf_counter() - started
    journal.add(chunk, finished)
    return finished


def main(arguments: Sequence[str]) -> int:
    """Prove everything that is registered, or the parts that are asked for, print it, and return the exit code."""
    options = _parser().parse_args(arguments)
    unproven = standing("torch", "gymnasium", "numpy").unproven
    if unproven:
        raise MissingDependencyError(f"the long proof needs what it compares with: {unproven}")
    if min(options.steps, options.shapes, options.genomes, options.threads) < 1:
        raise InputError("--steps, --shapes, --genomes, --threads: expected at least 1")
    if options.record is not None:
        check_writable(options.record)
    started, started_at = time.perf_counter(), datetime.now(UTC)
    found = _prove_parts(options, Journal(options.cache))
    versions = standing(*REFERENCES).versions
    sections = {part: merged_by_name(finished) for part, finished in found.items()}
    report = Report([one for several in sections.values() for one in several], versions, time.perf_counter() - started)
    worked = {part: sum(seconds for _, seconds in finished) for part, finished in found.items()}
    where = {**provenance(started_at), "seconds": round(report.seconds, 1), "seconds_of_parts": worked}
    _write_report(options.cache / "report.json", {**report.to_json(), "provenance": where})
    streams.write_renderables(parity_report(report))
    of_all = sum(worked.values())
    streams.note(f"took {report.seconds:.0f} s, all chunks together {of_all:.0f} s; {options.cache / 'report.json'}")
    if options.record is not None:
        parts = {part: Evidence(Report(sections[part], versions), where, worked[part]) for part in sections}
        record_evidence(options.record, parts, all_parts(entries()))
    return _EXIT_CODES[report.verdict]


def _prove_parts(options: argparse.Namespace, journal: Journal) -> dict[str, list[Finished]]:
    """What the chunks of each part found, in the order in which parts are written down."""
    parts = [part for part in all_parts(entries()) if part in options.only or not options.only]
    genomes = 0 if standing("neat-python").missing else options.genomes
    chunks = all_chunks(entries(), options.steps, options.shapes, options.sweep, genomes)
    chunks = [chunk for chunk in chunks if chunk.part in parts]
    found: dict[str, list[Finished]] = {part: [] for part in parts}
    for chunk, finished in zip(chunks, prove(chunks, journal, options.threads), strict=True):
        found[chunk.part].append(finished)
    if options.sweep and ACTIVATIONS in found:
        found[ACTIVATIONS] += [sweep(journal, chunk, name) for chunk, name in _SWEEPS]
    if "graphs" in found and not genomes:
        found["graphs"].append(([missing_graphs()], 0.0))
    return {part: finished for part, finished in found.items() if finished}


def _outcome(chunk: Chunk, finished: Finished) -> str:
    """One line of progress."""
    sections, seconds = finished
    verdicts = {section.verdict for section in sections}
    worst = next(verdict for verdict in (Verdict.BROKEN, Verdict.UNPROVEN, Verdict.HOLDS) if verdict in verdicts)
    title = " ".join(part for part in (chunk.env, chunk.kind, chunk.what) if part)
    return (
        f"{title}, part {chunk.number + 1}: {sum(section.steps for section in sections):,} in {seconds:.1f} s, {worst}"
    )


def _write_report(path: Path, document: Mapping[str, Any]) -> None:
    with write_whole(path) as stream:
        stream.write(json.dumps(document, indent=1).encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make parity", description="The long proof of parity.")
    parser.add_argument(
        "--only", action="extend", nargs="+", default=[], choices=all_parts(entries()), metavar="PART",
        help=f"parts of the proof: {', '.join(all_parts(entries()))} (all of them)",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=2_000_000, help="of each environment (%(default)s)")
    parser.add_argument("--shapes", type=int, default=2_000, help="random networks (%(default)s)")
    parser.add_argument("--genomes", type=int, default=100_000, help="of neat-python (%(default)s)")
    parser.add_argument("--threads", type=int, default=_engine.available_threads(), help="processes (%(default)s)")
    parser.add_argument("--cache", type=Path, default=_CHECKOUT / ".cache" / "parity", help="folder of the journal")
    parser.add_argument("--no-sweep", dest="sweep", action="store_false", help="leave out sweeps of all arguments")
    parser.add_argument(
        "--record", type=Path, help="Markdown file whose tables of evidence are replaced, of these parts"
    )
    return parser


if __name__ == "__main__":
    try:
        with ending_in_order():
            sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        streams.note("interrupted; the same command goes on where this one was")
        sys.exit(130)
    except EvalEngineError as error:
        streams.note(f"error: {error}")
        sys.exit({MissingDependencyError: 3, InputError: 2}.get(type(error), 4))
