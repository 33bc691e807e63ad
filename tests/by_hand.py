"""Networks with one hidden layer in NumPy: the forward pass, and gradients by the chain rule."""

from __future__ import annotations

from typing import Any

import numpy as np

Layers = list[np.ndarray]


def layers(network: Any) -> Layers:
    """The weights and biases of an MLP with one hidden layer, as float64."""
    return [np.float64(x) for layer in network.mlp.layers for x in (layer.weight, layer.bias)]


def forward(layers: Layers, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of the hidden layer (ReLU), and the outputs."""
    hidden = np.maximum(x @ layers[0] + layers[1], 0)
    return hidden, hidden @ layers[2] + layers[3]


def backward(layers: Layers, x: np.ndarray, hidden: np.ndarray, slope: np.ndarray) -> tuple[Layers, np.ndarray]:
    """The gradients of a loss by the layers and by the input, where `slope` is its gradient by the output."""
    inner = (slope @ layers[2].T) * (hidden > 0)
    return [x.T @ inner, inner.sum(0), hidden.T @ slope, slope.sum(0)], inner @ layers[0].T


def adam(layers: Layers, gradient: Layers, rate: float) -> Layers:
    """The layers after Adam's first step (Kingma & Ba 2015, algorithm 1)."""
    return [w - rate * g / (np.abs(g) + 1e-8) for w, g in zip(layers, gradient, strict=True)]
