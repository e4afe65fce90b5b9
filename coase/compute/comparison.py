"""How far two accounts of the same training segment are apart; NumPy only.

Between determinism classes bits differ, so updates are compared: how far the claimed end is from the replayed end, in
units of how far the replay itself moved. Weights and both moments of AdamW are each held to it, so that none can hide
in the size of another.
"""

from __future__ import annotations

import math

from coase.compute import tensors

PARTS = ("w.", "m.", "v.")  # weights, first and second moments


def update_error(start: tensors.Tensors, end: tensors.Tensors, claimed: tensors.Tensors) -> float:
    """The largest relative error of the update over the parts of a state.

    Args:
        start: the state on one side of the segment, as replayed.
        end: the state on its other side, as replayed.
        claimed: what is said to be `end`. (With start and end exchanged, what is said to be the start.)

    Returns:
        For each part |claimed - end| / |end - start|, the largest; infinity where forms differ or nothing moved.
    """
    if not tensors.same_form(end, claimed) or not tensors.same_form(end, start):
        return math.inf
    errors = []
    for part in PARTS:
        first, last, said = (_part(state, part) for state in (start, end, claimed))
        apart, moved = tensors.norm(tensors.difference(said, last)), tensors.norm(tensors.difference(last, first))
        errors.append(0.0 if apart == 0 else apart / moved if moved > 0 else math.inf)
    return max(errors)


def _part(state: tensors.Tensors, prefix: str) -> tensors.Tensors:
    return {name: value for name, value in state.items() if name.startswith(prefix)}
