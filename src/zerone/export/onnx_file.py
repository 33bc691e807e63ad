"""A program as an ONNX model, with one or more nodes per operation. Needs the packages `onnx` and `onnxruntime`."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from zerone.base.errors import InputError
from zerone.base.extras import install
from zerone.base.language import translated
from zerone.export.numpy_file import Inputs, Player
from zerone.export.observations import OUTPUT
from zerone.export.program import AFTER, Operation, Program
from zerone.parts.exploration import FORBIDDEN

OPSET, FORMAT = 17, 8
"""The versions of ONNX 1.12 (2022), which nearly all runtimes support."""


def require_packages() -> None:
    """Raise `InputError` unless the packages for making and checking a model are installed."""
    for name in ("onnx", "onnxruntime"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise InputError(
                translated("a file .onnx needs the package {name}: {command}", name=name, command=install("onnx"))
            ) from error


def to_bytes(program: Program, about: Mapping[str, Any]) -> bytes:
    """The contents of the model's file: inputs named as in the program, an output `action`, and any batch size."""
    import onnx
    from onnx import helper

    graph = _Graph({*program.names, *(each.gives for each in program.operations), OUTPUT})
    for each in program.operations:
        _NODES[each.kind](graph, each)
    action = program.action
    assert action is not None  # noqa: S101 - `program_of` sets it
    graph.node("Identity", [action.name], OUTPUT)
    outputs = [_described(OUTPUT, action.type, action.shape)]
    inputs = [_described(each.name, each.type, each.shape) for each in program.inputs]
    if program.mask is not None:
        inputs.append(_described(program.mask.name, "bool", program.mask.shape))
    for held in program.memory:
        after = graph.node("Identity", [held.after], AFTER + held.name)
        outputs.append(_described(after, held.type, held.shape))
        inputs.append(_described(held.name, held.type, held.shape))
    made = helper.make_graph(graph.nodes, "policy", inputs, outputs, graph.arrays)
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=FORMAT,
        producer_name="zerone",
        producer_version=str(about.get("zerone", "")),
    )
    helper.set_model_props(model, {name: _text(value) for name, value in about.items()})
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def player(data: bytes) -> Player:
    """A function that runs the model on a batch of observations with onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def play(inputs: Inputs) -> tuple[np.ndarray, Inputs]:
        names = [each.name for each in session.get_outputs()]
        found = dict(zip(names, session.run(names, dict(inputs)), strict=True))
        return found.pop(OUTPUT), {name.removeprefix(AFTER): each for name, each in found.items()}

    return play


def _described(name: str, kind: str, shape: tuple[int, ...]) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, _element(kind), ["batch", *shape])


def _element(kind: str) -> int:
    """The ONNX element type of a NumPy dtype."""
    from onnx import helper

    return helper.np_dtype_to_tensor_dtype(np.dtype(kind))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Graph:
    """A graph under construction: its nodes, its arrays and the names in use."""

    def __init__(self, names: set[str]) -> None:
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self._names = names

    def node(self, kind: str, of: list[str], gives: str | None = None, **settings: Any) -> str:
        """Add a node, and return the name of its output."""
        from onnx import helper

        name = gives or self._free(f"{kind}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(kind, of, [name], **settings))
        return name

    def array(self, value: Any, kind: Any = None) -> str:
        """Add an array, and return its name."""
        from onnx import numpy_helper

        name = self._free(f"array_{len(self.arrays)}")
        self.arrays.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def _free(self, name: str) -> str:
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name


def _one(kind: str) -> Callable[[_Graph, Operation], None]:
    """An operation that is a single node, with its array, if it has one, as the second input."""

    def add(graph: _Graph, each: Operation) -> None:
        graph.node(kind, [*each.of, *(graph.array(array) for array in each.arrays.values())], each.gives)

    return add


def _cast(graph: _Graph, each: Operation) -> None:
    graph.node("Cast", list(each.of), each.gives, to=_element(each.settings["kind"]))


def _divide(graph: _Graph, each: Operation) -> None:
    graph.node("Div", [*each.of, graph.array(each.settings["by"], np.float32)], each.gives)


def _reshape(graph: _Graph, each: Operation) -> None:
    # 0 keeps the batch axis; -1 would fail for empty arrays.
    graph.node("Reshape", [*each.of, graph.array([0, *each.settings["shape"]], np.int64)], each.gives)


def _transpose(graph: _Graph, each: Operation) -> None:
    graph.node("Transpose", list(each.of), each.gives, perm=[0, *(1 + axis for axis in each.settings["axes"])])


def _part(graph: _Graph, each: Operation) -> None:
    ends = [graph.array([each.settings[name]], np.int64) for name in ("begin", "end")]
    graph.node("Slice", [*each.of, *ends, graph.array([1], np.int64)], each.gives)


def _join(graph: _Graph, each: Operation) -> None:
    graph.node("Concat", list(each.of), each.gives, axis=-1)


def _one_hot(graph: _Graph, each: Operation) -> None:
    spread = graph.node("Gather", [*each.of, graph.array(each.arrays["number"])], axis=1)
    equal = graph.node("Equal", [spread, graph.array(each.arrays["value"])])
    graph.node("Cast", [equal], each.gives, to=_element("float32"))


def _place(graph: _Graph, each: Operation) -> None:
    counted = graph.node("Sub", [*each.of, graph.array(each.arrays["start"])])
    worth = graph.node("Mul", [counted, graph.array(each.arrays["worth"])])
    graph.node("ReduceSum", [worth, graph.array([1], np.int64)], each.gives, keepdims=0)


def _look_up(graph: _Graph, each: Operation) -> None:
    graph.node("Gather", [graph.array(each.arrays["table"]), *each.of], each.gives, axis=0)


def _dense(graph: _Graph, each: Operation) -> None:
    product = graph.node("MatMul", [*each.of, graph.array(each.arrays["weight"])])
    added = graph.node("Add", [product, graph.array(each.arrays["bias"])])
    _activated(graph, added, each)


def _convolve(graph: _Graph, each: Operation) -> None:
    # ONNX expects channels first, in pictures and in the weights [features, channels, height, width].
    kernel, stride = each.settings["kernel"], each.settings["stride"]
    weight = each.arrays["weight"].reshape(kernel, kernel, -1, each.arrays["bias"].size).transpose(3, 2, 0, 1)
    turned = graph.node("Transpose", list(each.of), perm=[0, 3, 1, 2])
    arrays = [graph.array(np.ascontiguousarray(weight)), graph.array(each.arrays["bias"])]
    seen = graph.node(
        "Conv", [turned, *arrays], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=each.settings["padding"]
    )
    _activated(graph, graph.node("Transpose", [seen], perm=[0, 2, 3, 1]), each)


def _activated(graph: _Graph, value: str, each: Operation) -> None:
    name = each.settings["activation"]
    if name == "silu":
        graph.node("Mul", [value, graph.node("Sigmoid", [value])], each.gives)
    elif name == "gelu":
        cube = graph.node("Mul", [graph.node("Mul", [value, value]), value])
        term = graph.node("Add", [value, graph.node("Mul", [cube, graph.array(0.044715, np.float32)])])
        bent = graph.node("Tanh", [graph.node("Mul", [term, graph.array(np.sqrt(2 / np.pi), np.float32)])])
        half = graph.array(0.5, np.float32)
        graph.node("Mul", [value, graph.node("Add", [graph.node("Mul", [bent, half]), half])], each.gives)
    else:
        graph.node(_ACTIVATIONS[name], [value], each.gives)


def _normalize(graph: _Graph, each: Operation) -> None:
    away = graph.node("Sub", [*each.of, graph.array(each.arrays["mean"])])
    scaled = graph.node("Div", [away, graph.array(each.arrays["by"])])
    limit = np.float32(each.settings["limit"])
    inside = graph.node("Clip", [scaled, graph.array(-limit), graph.array(limit)])
    product = graph.node("Mul", [inside, graph.array(each.arrays["scale"])])
    graph.node("Add", [product, graph.array(each.arrays["shift"])], each.gives)


def _layer_norm(graph: _Graph, each: Operation) -> None:
    arrays = [graph.array(each.arrays[name]) for name in ("scale", "shift")]
    normal = graph.node("LayerNormalization", [*each.of, *arrays], axis=-1, epsilon=each.settings["epsilon"])
    _activated(graph, normal, each)


def _gru(graph: _Graph, each: Operation) -> None:
    read, hidden = each.of
    product = graph.node("MatMul", [hidden, graph.array(each.arrays["weight"])])
    before = graph.node("Add", [product, graph.array(each.arrays["bias"])])
    width = each.arrays["weight"].shape[0]

    def gate(value: str, place: int) -> str:
        ends = [graph.array([width * end], np.int64) for end in (place, place + 1)]
        return graph.node("Slice", [value, *ends, graph.array([1], np.int64)])

    reset, keep = (graph.node("Sigmoid", [graph.node("Add", [gate(read, i), gate(before, i)])]) for i in (0, 1))
    old = graph.node("Mul", [reset, gate(before, 2)])
    candidate = graph.node("Tanh", [graph.node("Add", [gate(read, 2), old])])
    forget = graph.node("Sub", [graph.array(1, np.float32), keep])
    kept = graph.node("Mul", [keep, hidden])
    graph.node("Add", [graph.node("Mul", [forget, candidate]), kept], each.gives)


def _activate(graph: _Graph, each: Operation) -> None:
    _activated(graph, each.of[0], each)


def _duel(graph: _Graph, each: Operation) -> None:
    value, advantage = each.of
    mean = graph.node("ReduceMean", [advantage], axes=[-1], keepdims=1)
    graph.node("Sub", [graph.node("Add", [value, advantage]), mean], each.gives)


def _allow(graph: _Graph, each: Operation) -> None:
    scores, mask = each.of
    graph.node("Where", [mask, scores, graph.array(FORBIDDEN, np.float32)], each.gives)


def _argmax(graph: _Graph, each: Operation) -> None:
    graph.node("ArgMax", list(each.of), each.gives, axis=-1, keepdims=0)


def _choose(graph: _Graph, each: Operation) -> None:
    begins = [0, *each.settings["cuts"]]
    ends = [*each.settings["cuts"], np.iinfo(np.int64).max]
    axis = graph.array([1], np.int64)
    found: list[str] = []
    for begin, end in zip(begins, ends, strict=True):
        mine = graph.node("Slice", [*each.of, graph.array([begin], np.int64), graph.array([end], np.int64), axis])
        found.append(graph.node("ArgMax", [mine], axis=-1, keepdims=1))
    graph.node("Concat", found, each.gives, axis=-1)


def _bound(graph: _Graph, each: Operation) -> None:
    held = {name: graph.array(array) for name, array in each.arrays.items()}
    ends = [graph.array(end, np.float32) for end in (-1, 1)]
    inside = graph.node("Clip", [*each.of, *ends])
    stretched = graph.node("Add", [graph.node("Mul", [inside, held["reach"]]), held["middle"]])
    chosen = graph.node("Where", [held["bounded"], stretched, *each.of])
    graph.node("Min", [graph.node("Max", [chosen, held["low"]]), held["high"]], each.gives)


_ACTIVATIONS = {"linear": "Identity", "relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "elu": "Elu"}
_NODES: Mapping[str, Callable[[_Graph, Operation], None]] = {
    "cast": _cast, "add": _one("Add"), "divide": _divide, "reshape": _reshape, "transpose": _transpose,
    "part": _part, "join": _join, "one_hot": _one_hot, "place": _place, "look_up": _look_up, "dense": _dense,
    "convolve": _convolve, "activate": _activate, "duel": _duel, "allow": _allow, "argmax": _argmax, "choose": _choose,
    "bound": _bound, "round": _one("Round"), "normalize": _normalize, "layer_norm": _layer_norm, "gru": _gru,
}  # fmt: skip
