"""Which tensors of a Stable-Baselines3 policy choose its actions, in the order in which they run.

    PPO, A2C, TRPO; ARS     features_extractor, mlp_extractor.policy_net, action_net
    RecurrentPPO            features_extractor, lstm_actor, mlp_extractor.policy_net, action_net
    DQN                     q_net.features_extractor, q_net.q_net
    TD3, DDPG; SAC, TQC     actor.features_extractor, actor.latent_pi, actor.mu

The names say it all, also where two layers have one shape. What is beside them (value networks, critics, targets,
standard deviations) has no part in the action that `predict(deterministic=True)` returns. Knows names only, and needs
no Stable-Baselines3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_WEIGHTS = ("weight", "weight_ih", "weight_ih_l0")
_NUMBER = re.compile(r"\d+")


class _Family(NamedTuple):
    """State dicts that are laid out alike.

    Attributes:
        sign: how a name starts that only this family has.
        acting: what runs one after the other to give an action; of alternatives, the first that is there.
        others: what may be there beside it.
    """

    sign: str
    acting: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]


_FAMILIES = (
    _Family("q_net.q_net.", (("q_net.features_extractor",), ("q_net.q_net",)), ("q_net_target",)),
    _Family(
        "actor.mu.",
        (("actor.features_extractor",), ("actor.latent_pi",), ("actor.mu",)),
        ("actor.log_std", "actor_target", "critic", "critic_target"),
    ),
    _Family(
        "action_net.",
        (
            # One object under two names, which is in the state dict twice; where it is not, the first is the actor's.
            ("pi_features_extractor", "features_extractor"),
            ("lstm_actor",),
            ("mlp_extractor.shared_net",),
            ("mlp_extractor.policy_net",),
            ("action_net",),
        ),
        (
            "features_extractor",
            "vf_features_extractor",
            "lstm_critic",
            "critic",
            "mlp_extractor.value_net",
            "value_net",
            "log_std",
        ),
    ),
)


class Acting(NamedTuple):
    """What of a state dict acts.

    Attributes:
        layers: their names, without .weight and .bias, as they run.
        others: the modules and tensors beside them.
    """

    layers: list[str]
    others: list[str]


def acting_part(names: Iterable[str]) -> Acting | None:
    """Return what acts in a state dict of these names, or None if it is no Stable-Baselines3 policy's."""
    every = list(names)
    for family in _FAMILIES:
        if not any(name.startswith(family.sign) for name in every):
            continue
        chosen = [_first_there(alternatives, every) for alternatives in family.acting]
        layers = [layer for module in chosen for layer in _layers_of(module, every)]
        rest = [name for name in every if name.rpartition(".")[0] not in layers]
        found = [next((other for other in family.others if _is_in(name, other)), None) for name in rest]
        if None not in found:
            # Where it does not act, "features_extractor" is the actor's own by another name.
            others = dict.fromkeys(other for other in found if other not in (None, "features_extractor"))
            return Acting(layers, [str(other) for other in others])
    return None


def same_object(name: str, names: Iterable[str]) -> list[str]:
    """Return the other names under which a feature extractor's tensor may stand in the same state dict."""
    key = _extractor_key(name)
    return [other for other in names if key is not None and other != name and _extractor_key(other) == key]


def _extractor_key(name: str) -> str | None:
    """Return a tensor's name inside of its feature extractor, None outside of one; those of targets are others."""
    _, found, key = name.rpartition("features_extractor.")
    return key if found and "_target." not in name else None


def _first_there(modules: tuple[str, ...], names: list[str]) -> str:
    return next((module for module in modules if any(_is_in(name, module) for name in names)), modules[-1])


def _is_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _layers_of(module: str, names: list[str]) -> list[str]:
    """Return the layers of a module that runs them in the order of their numbers; "cnn" stands before "linear"."""
    layers = {
        layer
        for name in names
        for layer, _, kind in [name.rpartition(".")]
        if kind in _WEIGHTS and _is_in(layer, module)
    }
    return sorted(
        layers, key=lambda layer: (_NUMBER.sub("", layer), [int(digits) for digits in _NUMBER.findall(layer)])
    )
