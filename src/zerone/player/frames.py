"""Conversion of rendered frames of environments to pictures, uint8 [height, width, 3]."""

from __future__ import annotations

from typing import Any

import numpy as np

from zerone.base.language import translated
from zerone.environments.gym.conversion import shown

ROUNDING = 1e-3
"""How far floats may be outside of [0, 1] or [0, 255]."""


def picture_of(frame: Any) -> np.ndarray:
    """Convert a frame to a picture, uint8 [height, width, 3].

    A frame may be RGB, RGBA (the last channel is dropped) or grey, or a list of frames, of which the last is used.
    Floats in [0, 1] and booleans are scaled to [0, 255]; other numbers in [0, 255] are rounded.

    Raises:
        ValueError: the frame is something else; the message describes it.
    """
    if frame is None or isinstance(frame, (str, bytes)):
        raise ValueError(shown(frame))
    if isinstance(frame, (list, tuple)) and not len(frame):
        raise ValueError(translated("no frame at all"))
    try:
        array = np.asarray(frame)
    except Exception as error:  # frames of different sizes, or an object that cannot be converted
        if isinstance(frame, (list, tuple)):
            return picture_of(frame[-1])
        raise ValueError(shown(frame)) from error
    if array.ndim == 4 or (array.ndim == 1 and array.dtype == object and isinstance(frame, (list, tuple))):
        return picture_of(frame[-1])  # a list of all frames since the last call of `render`
    if array.dtype.kind not in "biuf":
        raise ValueError(shown(frame))
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        raise ValueError(translated("an array of shape {shape}", shape=np.shape(frame)))
    return np.ascontiguousarray(np.broadcast_to(_bytes(array[:, :, :3]), (*array.shape[:2], 3)))


def _bytes(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(translated("an array with NaN or infinity in it"))
    least, most = array.min(), array.max()
    is_share = array.dtype.kind == "b" or (array.dtype.kind == "f" and most <= 1 + ROUNDING)
    if least < -ROUNDING or most > 255 + ROUNDING:
        raise ValueError(
            translated("an array of numbers from {least:.4g} to {most:.4g}, not from 0 to 255", least=least, most=most)
        )
    scaled = array * np.float64(255) if is_share else array
    whole: np.ndarray = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return whole
