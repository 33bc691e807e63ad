"""Checkpoints are restored bit for bit, or refused with one line; they are saved completely or not at all."""

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zerone.base.errors import InputError, RunError
from zerone.base.pytree import struct
from zerone.training import checkpoint

KINDS = [
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
]
SMALL = {
    "policy/b": np.arange(3, dtype=np.float32),
    "policy/a": np.array([True, False]),
    "count": np.array(7, np.int32),
}
ABOUT = {"algorithm": "dqn", "environment": "CartPole-v1", "step": 500, "seeds": [0, 1]}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "small.safetensors", SMALL, ABOUT)
    return tmp_path / "small.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def same(first: np.ndarray, second: np.ndarray) -> bool:
    return (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())


arrays = hnp.arrays(st.sampled_from(KINDS), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
words = st.text(max_size=8).filter(lambda name: name != "__metadata__")
about = st.dictionaries(words, st.none() | st.integers() | st.floats(allow_nan=False) | words | st.lists(words))


@given(tree=st.dictionaries(words, arrays, max_size=4), about=about)
@settings(max_examples=60, deadline=None)
def test_whatever_is_saved_comes_back_bit_for_bit(tmp_path_factory, tree, about):
    path = tmp_path_factory.mktemp("round") / "x.safetensors"
    checkpoint.save(path, tree, about)
    found, told = checkpoint.load(path)
    assert told == about
    assert found.keys() == tree.keys()
    assert all(same(found[name], tree[name]) and found[name].flags.writeable for name in tree)
    others = safetensors.numpy.load_file(path)  # and it is plain safetensors
    assert all(same(others[name], tree[name]) for name in tree)


def test_arrays_in_an_unusual_layout_come_back_as_plain_ones(tmp_path):
    odd = {"turned": np.arange(12.0).reshape(3, 4).T, "skipping": np.arange(9)[::-2], "big": np.arange(3, dtype=">i4")}
    checkpoint.save(tmp_path / "odd", odd, {})
    found, _ = checkpoint.load(tmp_path / "odd")
    for name, array in odd.items():
        np.testing.assert_array_equal(found[name], array)


def test_bfloat16_comes_back(tmp_path):
    checkpoint.save(tmp_path / "x", checkpoint.flatten({"w": jnp.arange(5, dtype=jnp.bfloat16)}), {})
    assert checkpoint.load(tmp_path / "x")[0]["w"].tolist() == [0, 1, 2, 3, 4]


def test_equal_contents_give_equal_bytes_in_any_order(tmp_path):
    checkpoint.save(tmp_path / "one", SMALL, ABOUT)
    checkpoint.save(tmp_path / "two", dict(reversed(SMALL.items())), dict(reversed(ABOUT.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_every_bit_counts(small):
    whole = small.read_bytes()
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        small.write_bytes(flipped)
        refusal(small)
    small.write_bytes(whole + b"\0")
    assert "damaged" in refusal(small)
    small.write_bytes(whole)
    checkpoint.load(small)


@pytest.mark.parametrize("tenth", range(10))
def test_cut_short_at_each_tenth(small, tenth):
    os.truncate(small, small.stat().st_size * tenth // 10)
    assert ("empty" if tenth == 0 else "damaged") in refusal(small)


class Payload:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_is_refused_and_not_run(tmp_path):
    path, trace = tmp_path / "x.safetensors", tmp_path / "was-here"
    path.write_bytes(pickle.dumps(Payload(trace)))
    assert "not a checkpoint" in refusal(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff" * 64, (2**62).to_bytes(8, "little") + b"{}", b"\0" * 4096, b"{}"],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    assert "not a checkpoint" in refusal(path)


def test_somebody_elses_safetensors_is_refused(tmp_path):
    safetensors.numpy.save_file(SMALL, tmp_path / "x", metadata={"about": "{}"})
    assert "not a checkpoint" in refusal(tmp_path / "x")


def test_no_such_file_and_a_folder(tmp_path):
    assert "no such file" in refusal(tmp_path / "nothing")
    assert "folder" in refusal(tmp_path)


def forge(path: Path, table: dict, about: str = "{}", data: bytes = b"") -> None:
    """Write a file with a correct checksum and any header."""
    blank = "0" * 64
    header = json.dumps(
        {"__metadata__": {"zerone": "1", "sha256": blank, "about": about}, **table}, separators=(",", ":")
    )
    whole = len(header).to_bytes(8, "little") + header.encode() + data
    path.write_bytes(whole.replace(blank.encode(), checkpoint.hashlib.sha256(whole).hexdigest().encode(), 1))


def test_a_forged_header_neither_allocates_nor_executes(tmp_path):
    path = tmp_path / "x"
    huge = {"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    for table, about in [(huge, "{}"), ({"w": 3}, "{}"), ({}, "[]"), ({}, "{"), ({}, "[" * 100_000)]:
        forge(path, table, about)
        refusal(path)
    forge(path, {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, data=b"\0" * 4)
    assert checkpoint.load(path)[0]["w"] == 0  # `forge` can write valid files, so the refusals above are significant


def test_a_newer_format_is_refused_as_such(small, monkeypatch):
    now = checkpoint.FORMAT_VERSION
    monkeypatch.setattr(checkpoint, "FORMAT_VERSION", now + 1)
    checkpoint.save(small, SMALL, ABOUT)
    monkeypatch.undo()
    assert f"written by a newer Zerone (format {now + 1}; this one reads up to {now})" in refusal(small)


def test_a_prefix_loads_a_part_and_still_verifies_all(small):
    arrays, about = checkpoint.load(small, "policy/")
    assert arrays.keys() == {"policy/a", "policy/b"}
    assert about == ABOUT
    whole = bytearray(small.read_bytes())
    whole[whole.index(b'"count"') + 1] ^= 1
    small.write_bytes(whole)
    with pytest.raises(InputError, match="damaged"):
        checkpoint.load(small, "policy/")


def test_expect_names_both(small):
    checkpoint.expect(ABOUT, small, algorithm="dqn", environment="CartPole-v1", seeds=[0, 1])
    with pytest.raises(InputError, match="checkpoint of dqn on CartPole-v1, not of ppo"):
        checkpoint.expect(ABOUT, small, algorithm="ppo")
    with pytest.raises(InputError, match="checkpoint of dqn on CartPole-v1, not on Maze"):
        checkpoint.expect(ABOUT, small, environment="Maze")
    with pytest.raises(InputError, match=r"engine = None, not 'host'"):
        checkpoint.expect(ABOUT, small, engine="host")


@pytest.mark.parametrize(
    ("name", "array"), [("x", np.array([None])), ("x", np.zeros(2, "c16")), ("__metadata__", np.zeros(1))]
)
def test_what_cannot_be_held_is_refused_before_anything_is_written(small, name, array):
    before = small.read_bytes()
    with pytest.raises(RunError, match="cannot hold"):
        checkpoint.save(small, {name: array}, {})
    assert small.read_bytes() == before
    assert list(small.parent.iterdir()) == [small]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_other(small, monkeypatch, call):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    before = small.read_bytes()
    monkeypatch.setattr(*((os, call) if call == "fsync" else (Path, call)), full)
    with pytest.raises(RunError, match=r"small\.safetensors: cannot be written: No space left on device$"):
        checkpoint.save(small, {"new": np.ones(9)}, {})
    monkeypatch.undo()
    assert small.read_bytes() == before
    assert list(small.parent.iterdir()) == [small]


def test_a_file_beyond_the_systems_limit_leaves_the_old_one(small):
    before = small.read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with pytest.raises(RunError, match="cannot be written: File too large"):
            checkpoint.save(small, {"new": np.ones(50_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert small.read_bytes() == before
    assert list(small.parent.iterdir()) == [small]


def test_an_interruption_leaves_the_old_file(small):
    before = small.read_bytes()
    with pytest.raises(KeyboardInterrupt), checkpoint.replacing(small) as file:  # noqa: PT012
        file.write(b"half")
        raise KeyboardInterrupt
    assert small.read_bytes() == before
    assert list(small.parent.iterdir()) == [small]


def test_killed_while_saving_the_file_is_always_whole(tmp_path):
    path = tmp_path / "x.safetensors"
    program = textwrap.dedent(f"""
        import numpy as np
        from pathlib import Path
        from zerone.training import checkpoint
        for step in range(10**9):
            checkpoint.save({str(path)!r}, {{"w": np.full(200_000, step, np.float32)}}, {{"step": step}})
            Path({str(tmp_path / "begun")!r}).touch()
    """)
    steps = []
    for delay in np.random.default_rng(0).uniform(0, 0.02, 8):
        (tmp_path / "begun").unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-c", program])  # noqa: S603
        while not (tmp_path / "begun").exists():
            time.sleep(0.002)
            assert process.poll() is None
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        arrays, about = checkpoint.load(path)
        assert (arrays["w"] == about["step"]).all()
        steps.append(about["step"])
    assert len(set(steps)) > 1


def test_saving_holds_no_second_copy(tmp_path):
    program = textwrap.dedent(f"""
        import resource, numpy as np
        from zerone.training import checkpoint
        arrays = {{name: np.ones(10_000_000, np.float32) for name in "abc"}}  # 120 MB
        checkpoint.save({str(tmp_path / "warm")!r}, {{"x": np.ones(3)}}, {{}})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        checkpoint.save({str(tmp_path / "x")!r}, arrays, {{}})
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    grown = int(run.stdout)
    assert grown < 20_000  # kilobytes


@struct
class Inner:
    """A nested state."""

    weight: jax.Array
    key: jax.Array


class Pair(NamedTuple):
    """A tuple with names instead of a dictionary with keys."""

    left: object
    right: object


def make(seed: int, width: int = 4) -> dict:
    network = eqx.nn.MLP(2, 3, width, 1, key=jax.random.key(seed))
    return {
        "network": network,
        "optimiser": optax.adam(1e-3).init(eqx.filter(network, eqx.is_array)),
        "inner": Inner(jnp.full((2,), seed, jnp.uint8), jax.random.split(jax.random.key(seed, impl="rbg"), 3)),
        "pair": Pair((seed, True, 0.5 + seed), [np.full(2, seed, np.int64), None]),
        "weak": jnp.asarray(float(seed)),
    }


def test_a_tree_comes_back_bit_for_bit_into_an_example_or_its_shapes(tmp_path):
    tree = make(5)
    checkpoint.save(tmp_path / "x", checkpoint.flatten(tree, "state/"), {})
    for example in (make(0), eqx.filter_eval_shape(make, 0) | {"pair": make(0)["pair"]}):
        arrays, _ = checkpoint.load(tmp_path / "x")
        found = checkpoint.restore(example, arrays, path="x", what="a test", prefix="state/")
        assert not arrays  # the arrays are removed, so that none is in memory twice
        assert jax.tree.structure(found) == jax.tree.structure(tree)
        numbers, wanted = checkpoint.flatten(found), checkpoint.flatten(tree)
        assert list(numbers) == list(wanted)
        assert all(same(numbers[name], wanted[name]) for name in wanted)
        assert jax.random.key_impl(found["inner"].key) == "rbg"
        assert found["weak"].weak_type
        assert found["pair"].left == (5, True, 5.5)
        assert type(found["pair"].left[1]) is bool
        assert isinstance(found["pair"].right[0], np.ndarray)
        np.testing.assert_array_equal(found["network"](jnp.ones(2)), tree["network"](jnp.ones(2)))


def test_names_are_paths_and_host_arrays_are_not_copied():
    inner = np.arange(3)
    arrays = checkpoint.flatten({"a": [inner, {"b": jnp.arange(4)}]}, "state/")
    assert list(arrays) == ["state/a/0", "state/a/1/b"]
    assert arrays["state/a/0"] is inner
    assert not arrays["state/a/1/b"].flags.owndata
    with pytest.raises(ValueError, match="both named 'a/b'"):
        checkpoint.flatten({"a/b": inner, "a": {"b": inner}})


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (
            {"w": jnp.zeros((2, 4)), "b": jnp.zeros(3)},
            r"'w' is \(2, 3\) float32 in the checkpoint, \(2, 4\) float32 here",
        ),
        ({"w": jnp.zeros((2, 3), int), "b": jnp.zeros(3)}, r"'w' is \(2, 3\) float32 in .*, \(2, 3\) int32 here"),
        ({"w": jnp.zeros((2, 3))}, r"'b' is \(3,\) float32 in the checkpoint, not there at all here"),
        ({"w": jnp.zeros((2, 3)), "b": jnp.zeros(3), "c": jnp.zeros(())}, r"'c' is not there at all in the checkpoint"),
        ({"w": jnp.zeros((2, 3)), "b": jax.random.key(0)}, r"'b' is \(3,\) float32 in .*, \(2,\) uint32 here"),
    ],
)
def test_what_does_not_fit_is_refused_naming_the_first_difference(example, words):
    arrays = checkpoint.flatten({"w": jnp.zeros((2, 3)), "b": jnp.zeros(3)})
    with pytest.raises(InputError, match="x: does not fit dqn on CartPole-v1: .*" + words) as caught:
        checkpoint.restore(example, arrays, path="x", what="dqn on CartPole-v1")
    assert "another algorithm, network or environment" in str(caught.value)
    assert len(arrays) == 2
