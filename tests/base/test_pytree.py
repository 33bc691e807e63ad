"""Numbers are leaves, shapes and choices are static, and invalid values are refused with a one-line message."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerone.algorithms import catalogue, q_learning, sarsa
from zerone.algorithms.ppo import PPO
from zerone.base.errors import InputError, RunError, ZeroneError, nearest
from zerone.base.pytree import Allowed, configured, setting, static, struct


@configured
class Recipe:
    """A configured class."""

    rate: float = setting(0.5, "how fast", above=0, at_most=1)
    size: int = setting(3, "how many", at_least=1)
    kind: str = setting("plain", "which", choices=("plain", "fancy"))
    flag: bool = setting(False, "whether")
    widths: tuple[int, ...] = setting((4, 4), "how wide", at_least=1)
    extra: int = setting(2, "how much more", above=0, needs="flag")


@configured
class Feast(Recipe):
    """A subclass with another default, and a field that is computed from another one."""

    kind: str = setting("fancy", "which", choices=("plain", "fancy"))
    guests: int = setting(0, "how many come; 0 is as many as `size`", at_least=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "guests", self.guests or self.size)


@struct
class Pair:
    """A state with a static field."""

    value: jax.Array
    name: str = static(default="a")


def test_only_numbers_of_a_recipe_are_leaves():
    assert jax.tree.leaves(Recipe()) == [0.5]


def test_another_number_compiles_nothing_anew_and_another_size_does(compilations):
    program = jax.jit(lambda recipe, x: x * recipe.rate * recipe.size)
    one = jnp.float32(1)
    program(Recipe(), one)
    before = compilations()
    assert before >= 1
    assert float(program(Recipe(rate=0.25), one)) == 0.75
    assert compilations() == before
    assert float(program(Recipe(size=5), one)) == 2.5
    assert compilations() == before + 1


@pytest.mark.parametrize("leaf", [None, True, (1, 2), jnp.ones(3), object()])
def test_any_tree_of_the_same_shape_can_be_made(leaf):
    # JAX rebuilds the object with whatever a `tree.map` returns: axes, masks, shapes.
    jax.tree.map(lambda _: leaf, Recipe())


def test_a_batch_of_settings_is_a_batch_axis():
    rates = jnp.array([0.1, 0.2, 0.3])
    found = jax.vmap(lambda recipe: recipe.rate * recipe.size)(Recipe(rate=rates))
    assert jnp.allclose(found, 3 * rates)


def test_a_struct_keeps_its_static_field_out_of_the_leaves():
    pair = jax.tree.map(lambda x: x + 1, Pair(jnp.float32(1), "b"))
    assert (float(pair.value), pair.name) == (2.0, "b")
    with pytest.raises(AttributeError):
        pair.name = "c"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"rate": 0.0}, "rate = 0.0 is not allowed: must be above 0 and at most 1"),
        ({"rate": 1.5}, "above 0 and at most 1"),
        ({"rate": float("nan")}, "rate = nan"),
        ({"rate": float("inf")}, "rate = inf"),
        ({"rate": "fast"}, "rate = 'fast'"),
        ({"size": 2.5}, "size = 2.5 is not allowed: must be of type int"),
        ({"size": True}, "size = True is not allowed: must be of type int"),
        ({"flag": "no"}, "flag = 'no' is not allowed: must be of type bool"),
        ({"widths": 4}, "widths = 4 is not allowed: must be of type tuple"),
        ({"widths": (4, "a")}, "widths = (4, 'a') is not allowed: must be of type tuple[int, ...]"),
        ({"size": 0}, "size = 0 is not allowed: must be at least 1"),
        ({"kind": "odd"}, "kind = 'odd' is not allowed: must be one of plain, fancy"),
        ({"widths": ()}, "widths = ()"),
        ({"widths": (4, 0)}, "widths = (4, 0)"),
    ],
)
def test_what_is_not_allowed_is_refused_and_named(wrong, text):
    with pytest.raises(InputError, match=r"^Recipe: ") as caught:
        Recipe(**wrong)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.floats(allow_nan=True), st.floats(-10, 10), st.floats(-10, 10))
def test_bounds_hold_as_they_read(value, low, high):
    held = value == 0 or float(np.finfo(np.float32).tiny) <= abs(value) <= float(np.finfo(np.float32).max)
    assert Allowed(above=low, below=high).holds(value) == (held and low < value < high)
    assert Allowed(at_least=low, at_most=high).holds(value) == (held and low <= value <= high)


def test_a_number_that_32_bits_do_not_hold_is_refused():
    """In a program it would become 0 or infinite, and its logarithm NaN."""
    for value in (1e39, 1e-50):
        with np.errstate(over="ignore"):
            assert np.float32(value) in (0, np.inf)
        with pytest.raises(InputError, match=r"above 0, of a size that 32 bits hold$"):
            PPO(deviation_start=value)
    assert PPO(deviation_start=1e30).deviation_start == 1e30


def test_errors_know_their_exit_codes_and_are_the_builtin_kinds():
    assert (InputError.exit_code, RunError.exit_code) == (2, 1)
    assert issubclass(InputError, (ZeroneError, ValueError))
    assert issubclass(RunError, RuntimeError)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dqm", "did you mean 'dqn'? (allowed: dqn, ppo)"),
        ("DQN", "did you mean 'dqn'? (allowed: dqn, ppo)"),
        ("xyzzy", "allowed: dqn, ppo"),
    ],
)
def test_the_nearest_name_is_offered(name, expected):
    assert nearest(name, ["ppo", "dqn"]) == expected


def test_a_setting_that_would_be_ignored_is_refused():
    assert Recipe(flag=True, extra=3).extra == 3
    assert Recipe(extra=2) == Recipe()
    with pytest.raises(InputError, match=r"Recipe: extra = 3 is not allowed: must be 2 without flag"):
        Recipe(extra=3)


def test_a_configured_class_can_be_made_from_another():
    feast = Feast(size=7)
    assert (feast.kind, feast.guests, feast.rate) == ("fancy", 7, 0.5)
    assert (Feast(guests=2).guests, Recipe().kind) == (2, "plain")
    assert jax.tree.leaves(feast) == [0.5]
    assert jax.tree.map(lambda x: x, feast) == feast
    for wrong in ({"rate": 2.0}, {"guests": -1}, {"extra": 3}):  # inherited fields and own ones
        with pytest.raises(InputError, match=r"^Feast: "):
            Feast(**wrong)
    with pytest.raises(InputError, match=r"^Feast: size = 'x' is not allowed"):  # refused before it is used
        Feast(size="x")


def test_no_tree_is_equal_to_that_of_another_class():
    """Otherwise a program compiled for one class might be run for the other when their hashes happen to be equal."""

    def another():
        @configured
        class Recipe:
            rate: float = setting(0.5, "how fast", above=0, at_most=1)
            size: int = setting(3, "how many", at_least=1)

        return Recipe

    first, second = another(), another()
    assert jax.tree.structure(first()) == jax.tree.structure(first(rate=0.25))
    assert jax.tree.structure(first()) != jax.tree.structure(first(size=4))
    assert jax.tree.structure(first()) != jax.tree.structure(second())
    states = {q_learning.State, sarsa.State}
    made = [state(*range(len(dataclasses.fields(state)))) for state in states]
    assert len({jax.tree.structure(each) for each in made}) == len(states)
    for one, other in itertools.combinations(catalogue.entries(), 2):
        assert jax.tree.structure(one.make()) != jax.tree.structure(other.make()), (one.name, other.name)


def test_a_tree_keeps_the_names_of_its_leaves():
    paths = [
        jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path({"a": Pair(jnp.ones(2), "x")})
    ]
    assert paths == ["['a'].value"]


def test_a_new_default_keeps_what_the_field_means_and_own_fields_come_first():
    @configured
    class Base:
        width: int = setting(4, "the width", at_least=1)
        rate: float = setting(0.1, "the rate", above=0)

    @configured
    class Narrow(Base):
        depth: int = setting(2, "the depth", at_least=1)
        rate: float = 0.5

    fields = dataclasses.fields(Narrow)
    assert [field.name for field in fields] == ["depth", "rate", "width"]
    assert fields[1].metadata["allowed"].text == "the rate"
    assert (Narrow().rate, Base().rate, Narrow(rate=2.0).width) == (0.5, 0.1, 4)
    assert jax.tree.leaves(Narrow()) == [0.5]
    with pytest.raises(InputError, match="rate = 0 is not allowed: must be above 0"):
        Narrow(rate=0)
