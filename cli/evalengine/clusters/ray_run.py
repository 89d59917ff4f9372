"""One call on a Ray cluster: which node has which share, what is lost and given to another, and the answers.

    Job, [Node], [Share] ──► Run.collect, again and again ──► Run.result

Nodes take shares as they become free. What a lost node had not answered is waiting again. Depends on shares and
ray_nodes; `ray` itself is passed in by `ray_evaluator`, which imports it.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, NamedTuple

from evalengine.clusters.ray_nodes import Node, first_line
from evalengine.clusters.shares import Assembly, Job, Share, within_population
from evalengine.errors import EvalEngineError, WorkersLostError
from evalengine.evaluation.result import Evaluation

MOST_ATTEMPTS = 4
"""How often a share is tried: one that takes a node down with it would otherwise take them all."""

# While a node plays one share, the next one waits there already.
_SHARES_AT_ONCE = 2
# How soon a token that was set is seen, in seconds.
_CANCEL_SECONDS = 0.1


class _Sent(NamedTuple):
    """A share that a node has been given."""

    node: Node
    share: Share


class Run:
    """One call: which node has which share, and what is left to give away."""

    def __init__(self, ray: Any, job: Job, nodes: list[Node], shares: list[Share]) -> None:
        self.assembly = Assembly(job)
        self.nodes = nodes
        self._ray = ray
        self._job = job
        self._waiting = deque(shares)
        self._sent: dict[Any, _Sent] = {}
        self._attempts: Counter[Share] = Counter()
        self._failures: dict[Share, EvalEngineError] = {}
        self._weights = ray.put(job.weights) if shares else None
        self._give()

    @property
    def is_done(self) -> bool:
        """Whether every share was answered, or the first that failed and all before it."""
        return not self._waiting and not self._sent

    def collect(self) -> bool:
        """Wait a moment for answers, place them and give their nodes more; say whether there was one."""
        ready, _ = self._ray.wait(list(self._sent), num_returns=1, timeout=_CANCEL_SECONDS)
        for reference in ready:
            # Its node may have been found lost while an earlier answer was looked at.
            if (sent := self._sent.pop(reference, None)) is not None:
                self._take(reference, sent)
        self._give()
        return bool(ready)

    def result(self) -> Evaluation:
        """Return the whole, or raise what the first individual that failed did, as one machine would."""
        if self._failures:
            first = min(self._failures)
            with within_population(first.start):
                raise self._failures[first]
        return self.assembly.evaluation()

    def abandon(self) -> None:
        """Tell the nodes to forget what they have not begun."""
        for reference in self._sent:
            self._ray.cancel(reference)

    def _take(self, reference: Any, sent: _Sent) -> None:
        exceptions = self._ray.exceptions
        try:
            answer = self._ray.get(reference)
        except exceptions.RayTaskError:
            raise  # an error in the worker that was not foreseen: trying again would not help
        except exceptions.RayError as error:
            self._lose(sent, error)
            return
        if isinstance(answer, EvalEngineError):
            self._failures[sent.share] = answer
            # One machine names the first individual that fails: later ones are of no interest any more.
            self._waiting = deque(share for share in self._waiting if share < sent.share)
        else:
            self.assembly.place(sent.share, answer)

    def _lose(self, lost: _Sent, error: Exception) -> None:
        """Take back a share whose answer will not come, and all others of its node if that is gone."""
        exceptions = self._ray.exceptions
        if isinstance(error, exceptions.RayActorError) and lost.node in self.nodes:
            self.nodes.remove(lost.node)
        self._attempts[lost.share] += 1
        if self._attempts[lost.share] >= MOST_ATTEMPTS:
            individuals = f"individuals {lost.share.start} to {lost.share.stop - 1}"
            raise WorkersLostError(f"{individuals}: lost with {MOST_ATTEMPTS} nodes, the last: {first_line(error)}")
        self._waiting.appendleft(lost.share)

    def _give(self) -> None:
        """Give every node something to do and something to go on with."""
        busy = Counter(sent.node.node_id for sent in self._sent.values())
        for _ in range(_SHARES_AT_ONCE):
            for node in self.nodes:
                if self._waiting and busy[node.node_id] < _SHARES_AT_ONCE:
                    busy[node.node_id] += 1
                    self._send(node, self._waiting.popleft())
        if self._waiting and not self.nodes:
            raise WorkersLostError("nodes: expected one to run what lost nodes had not finished, got none")

    def _send(self, node: Node, share: Share) -> None:
        job = self._job
        task = (job.env_id, job.policy, job.seeds_of(share), node.threads, job.options)
        self._sent[node.actor.evaluate.remote(self._weights, share, task)] = _Sent(node, share)
