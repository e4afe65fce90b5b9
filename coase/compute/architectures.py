"""The networks that a job may name; imported by the worker server only. A model is a name from here plus weights."""

from __future__ import annotations

import torch

PIXELS, CLASSES = 64, 10


def network(architecture: str) -> torch.nn.Module:
    """A network with fresh weights from torch's global generator."""
    return _NETWORKS[architecture]()


def _cnn() -> torch.nn.Module:
    """Two convolutions over the 8x8 image, 43,050 weights."""
    nn = torch.nn
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, CLASSES),
    )


def _mlp() -> torch.nn.Module:
    """One hidden layer, 9,610 weights."""
    nn = torch.nn
    return nn.Sequential(nn.Linear(PIXELS, 128), nn.ReLU(), nn.Linear(128, CLASSES))


_NETWORKS = {"digits_cnn": _cnn, "digits_mlp": _mlp}
