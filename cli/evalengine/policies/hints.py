"""What to write instead, for what is often passed where a policy belongs: it ends a message, or is nothing.

Depends on messages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from evalengine.messages import shown

# Longer ones than any policy's are cut short in a message anyway.
_MOST_PARTS = 30
_MOST_UNITS = 10**9


def instead_of(value: Any) -> str:
    """Return ": write ..." for a value that is no text: a module, a shape, a state dict; "" for any other."""
    torch = sys.modules.get("torch")  # who has a module has imported torch
    if torch is not None and isinstance(value, torch.nn.Module):
        return ": write Policy.from_torch(module), and pass modules as weights"
    if isinstance(value, Mapping):
        return ": state dicts are weights, and do not say their activations: pass a spec"
    if isinstance(value, tuple | list) and value and len(value) <= _MOST_PARTS:
        if all(type(size) is int and 0 < size < _MOST_UNITS for size in value):
            return f": write {'mlp:' + '-'.join(map(str, value))!r}"
        kinds = [type(part) for part in value]
        if kinds[:3] == [int] * 3 and {int} < set(kinds) <= {int, tuple, str}:
            return f": write Policy.from_shape('cnn', {shown(value)})"
    return ""


def meant(spec: str) -> str | None:
    """Return what a text without architecture, or with other separators, may have been meant to be: "4, 64, 2"."""
    sizes = re.fullmatch(r"(?:mlp)?[- :(\[]*([0-9]+(?: *[-,x ] *[0-9]+)+)[ )\]]*", spec.strip().lower())
    found = None if sizes is None else "mlp:" + "-".join(re.findall("[0-9]+", sizes[1]))
    return None if found == spec else found
