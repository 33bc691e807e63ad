"""Networks accept any leading axes, treat samples independently, and are initialised as in their papers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces

from zerone.parts import convolution
from zerone.parts.convolution import Convolution
from zerone.parts.layers import MLP, Dueling
from zerone.parts.networks import Network
from zerone.parts.own_networks import Applied

SPACES = {
    "vector": spaces.Box(-1.0, 1.0, (3,), np.float32),
    "discrete": spaces.Discrete(4),
    "picture": spaces.Box(0, 255, (10, 9, 1), np.uint8),
    "scalar": spaces.Box(-1.0, 1.0, (), np.float32),
}
ANY_SPACE = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def observations(space, *leading):
    space.seed(0)
    number = int(np.prod(leading))
    drawn = np.stack([np.asarray(space.sample()) for _ in range(number)])
    drawn = drawn.reshape(*leading, *(space.shape or ()))
    return drawn.astype(jax.dtypes.canonicalize_dtype(drawn.dtype))


def network(space, outputs=2):
    return Network(jax.random.key(0), space, (8,), outputs)


def made(kind, *given, **options):
    """Make a network in one compiled program; without `jit`, each layer would take several."""
    return eqx.filter_jit(lambda: kind(*given, **options))()


CALL = eqx.filter_jit(lambda net, *seen: net(*seen))


@pytest.mark.thorough(after=2)
@ANY_SPACE
def test_leading_axes_are_batch_axes(space):
    net, seen = made(network, space), observations(space, 3, 2)
    together = CALL(net, seen)
    assert together.shape == (3, 2, 2)
    assert together.dtype == jnp.float32
    for i in range(3):
        np.testing.assert_allclose(CALL(net, seen[i, 1]), together[i, 1], rtol=1e-4, atol=1e-5)


def _moved_gradients(loss, space):
    """For the loss of each sample: how much its gradient changes with the last sample."""
    net, seen = made(network, space), observations(space, 4)
    other = np.concatenate([seen[:-1], observations(space, 9)[-1:]])
    assert not np.array_equal(seen[-1], other[-1])

    each = jax.jit(jax.jacrev(loss))

    def gradients(x):
        grads = each(net, x)
        return np.concatenate([np.reshape(leaf, (4, -1)) for leaf in jax.tree.leaves(grads)], axis=1)

    return np.abs(gradients(seen) - gradients(other)).max(axis=1)


@pytest.mark.thorough(after=1)
@pytest.mark.parametrize("space", [SPACES["vector"], SPACES["picture"]], ids=["vector", "picture"])
def test_one_samples_gradient_does_not_move_when_another_sample_changes(space):
    def right(net, x):
        return jnp.square(net(x)[:, 0] - 1.0)

    def broadcast(net, x):  # the broken twin: (N, 1) - (N,) is (N, N)
        with jax.numpy_rank_promotion("allow"):
            return jnp.square(net(x)[:, :1] - net(x)[:, 1]).mean(axis=1)

    moved = _moved_gradients(right, space)
    assert moved[-1] > 1e-4
    assert moved[:-1].max() < 1e-6
    assert _moved_gradients(broadcast, space)[:-1].max() > 1e-4


def test_broadcasting_by_rank_is_an_error_in_the_whole_suite():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.ones((4, 1)) - jnp.ones(4)


def test_an_mlp_is_the_numpy_product_of_its_layers():
    mlp = made(MLP, jax.random.key(1), 3, (5, 4), 2, activation=jnp.tanh)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    y = x
    for i, layer in enumerate(mlp.layers):
        y = y @ np.asarray(layer.weight) + np.asarray(layer.bias)
        y = np.tanh(y) if i < 2 else y
    np.testing.assert_allclose(CALL(mlp, x), y, rtol=1e-4, atol=1e-5)


STREAMS = pytest.mark.parametrize("separate", [False, True], ids=["shared", "separate"])


def _dueling_by_hand(head, x, separate):
    """V + A - mean A, and the gradient by the last weights of V and A. Separate streams use half of the layer each."""
    for layer in head.layers:
        x = np.maximum(x @ np.asarray(layer.weight) + np.asarray(layer.bias), 0)
    half = x.shape[1] // 2
    for_value, for_advantage = (x[:, :half], x[:, half:]) if separate else (x, x)
    worth = for_value @ np.asarray(head.value.weight) + np.asarray(head.value.bias)
    better = for_advantage @ np.asarray(head.advantage.weight) + np.asarray(head.advantage.bias)
    values = worth + better - better.mean(1, keepdims=True)
    # The gradient of Σ_i Q(s_i, 0): each state adds its features for V, and (1 - 1/n) or -1/n times them for A.
    share = np.eye(better.shape[1])[0] - 1 / better.shape[1]
    return values, for_value.sum(0)[:, None], for_advantage.sum(0)[:, None] * share[None]


@pytest.mark.thorough(after=3)
@STREAMS
@pytest.mark.parametrize("hidden", [(7, 6), (6,), (5, 3)], ids=str)
def test_the_dueling_head_is_equation_nine_in_value_and_gradient(separate, hidden):
    head = made(Dueling, jax.random.key(1), 3, hidden, 4, separate=separate)
    x = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    values, by_value, by_advantage = _dueling_by_hand(head, x, separate)
    np.testing.assert_allclose(CALL(head, x), values, rtol=1e-4, atol=1e-5)
    gradient = jax.jit(jax.grad(lambda net: net(jnp.asarray(x))[:, 0].sum()))(head)
    np.testing.assert_allclose(gradient.value.weight, by_value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient.advantage.weight, by_advantage, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("separate", "read"), [(False, (9, 9)), (True, (4, 5))], ids=["shared", "separate"])
def test_both_streams_read_the_whole_layer_unless_they_are_separate(separate, read):
    head = jax.eval_shape(lambda: Dueling(jax.random.key(0), 3, (7, 9), 4, separate=separate))
    found = {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(head)}
    assert found == {
        ".layers[0].weight": (3, 7), ".layers[0].bias": (7,), ".layers[1].weight": (7, 9), ".layers[1].bias": (9,),
        ".value.weight": (read[0], 1), ".value.bias": (1,), ".advantage.weight": (read[1], 4), ".advantage.bias": (4,),
    }  # fmt: skip


@STREAMS
def test_every_unit_of_the_last_hidden_layer_moves_what_reads_it(separate):
    # Units are set to 0 one at a time. If the streams share them, the mean value (V) and the differences (A) change.
    head = made(Dueling, jax.random.key(3), 3, (6, 8), 4, separate=separate)
    head = eqx.tree_at(lambda net: net.layers[-1].bias, head, np.ones(8, np.float32))  # or a unit may be 0 already
    x = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)

    def parts(values):
        return np.stack([values.mean(1), values[:, 0] - values[:, 1]])

    before, moved = parts(np.asarray(CALL(head, x))), []
    for unit in range(8):
        last = head.layers[-1]
        silent = eqx.tree_at(lambda net: net.layers[-1].weight, head, jnp.asarray(last.weight).at[:, unit].set(0))
        moved.append((np.abs(parts(np.asarray(CALL(silent, x))) - before).max(1) > 1e-4).tolist())
    assert moved == ([[True, False]] * 4 + [[False, True]] * 4 if separate else [[True, True]] * 8)


@STREAMS
def test_the_streams_of_a_dueling_head_can_be_told_apart(separate):
    # Adding a constant to all advantages changes nothing; without the mean (the broken twin) it adds to the value.
    head = made(Dueling, jax.random.key(2), 3, (8,), 2, separate=separate)
    moved = eqx.tree_at(lambda net: net.advantage.bias, head, np.asarray(head.advantage.bias) + 5.0)
    x = np.ones((4, 3), np.float32)
    np.testing.assert_allclose(CALL(head, x), CALL(moved, x), atol=1e-5)

    @jax.jit
    def without_the_mean(net, x):
        features = jax.nn.relu(net.layers[0](x))
        rows, width = net.value.weight.shape[0], features.shape[1]
        return net.value(features[:, :rows]) + net.advantage(features[:, width - net.advantage.weight.shape[0] :])

    assert np.abs(without_the_mean(head, x) - without_the_mean(moved, x)).max() > 4


@ANY_SPACE
def test_any_network_takes_a_dueling_head_and_separate_streams_need_no_more_weights(space):
    seen = observations(space, 5)
    sizes = []
    for head, options in ((MLP, {}), (Dueling, {"separate": True}), (Dueling, {})):
        net = jax.eval_shape(lambda h=head, o=options: Network(jax.random.key(0), space, (8,), 3, h, **o))
        assert jax.eval_shape(lambda net: net(seen), net).shape == (5, 3)
        sizes.append(sum(leaf.size for leaf in jax.tree.leaves(net)))
    assert sizes[1] <= sizes[0]
    assert sizes[2] == sizes[0] + 8 + 1  # the weights of V


def test_weights_start_with_the_deviation_of_their_gain_and_no_two_are_the_same():
    mlp = made(MLP, jax.random.key(2), 200, (300, 250), 100, gain=np.sqrt(2), last=0.01)
    mlp = jax.tree.map(np.asarray, mlp)
    for layer, scale in zip(mlp.layers, (np.sqrt(2), np.sqrt(2), 0.01), strict=True):
        inputs = layer.weight.shape[0]
        assert float(layer.weight.std()) == pytest.approx(scale / np.sqrt(inputs), rel=0.02)
        assert float(layer.weight.mean()) == pytest.approx(0, abs=5 * scale / np.sqrt(inputs) / np.sqrt(25_000))
        assert float(np.abs(layer.weight).max()) <= scale * np.sqrt(3 / inputs) * (1 + 1e-6)
        assert not layer.bias.any()
    smallest = min(layer.weight.size for layer in mlp.layers)
    first = [np.ravel(layer.weight)[:smallest] / np.std(layer.weight) for layer in mlp.layers]
    assert np.abs(np.corrcoef(first) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("size", [8, 9, 16, 35, 36, 84])
def test_pictures_of_every_size_become_features(size):
    space = spaces.Box(0, 255, (size, size + 3, 2), np.uint8)
    net = jax.eval_shape(lambda: network(space))
    made = jax.eval_shape(lambda x: network(space)(x), jax.ShapeDtypeStruct((5, size, size + 3, 2), jnp.uint8))
    assert made.shape == (5, 2)
    assert net.mlp.layers[0].weight.shape[0] > 0


def test_a_picture_is_read_by_a_convolution_so_that_bytes_count_as_parts_of_255():
    space = SPACES["picture"]
    net = made(network, space)
    assert net.convolution is not None
    seen = observations(space, 2)
    features = CALL(net.convolution, seen.astype(np.float32) / 255)
    np.testing.assert_allclose(CALL(net, seen), CALL(net.mlp, features), rtol=1e-5)


@pytest.mark.parametrize("shape", [(9, 14, 1), (84, 84, 4)])
def test_the_convolution_is_xlas(shape):
    """Compared with `jax.lax.conv_general_dilated` with the same weights, also in the number of features."""
    net, small = made(Convolution, jax.random.key(0), shape), min(shape[:2]) < 36
    pictures = np.random.default_rng(1).random((2, *shape), np.float32)

    def reference(weights, x):
        for (weight, bias), (kernel, stride) in zip(weights, net.sizes, strict=True):
            filters = weight.reshape(kernel, kernel, x.shape[-1], -1)
            x = jax.lax.conv_general_dilated(
                x, filters, (stride, stride), "SAME" if small else "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + bias[None, None, None])
        return x.reshape(len(x), -1)

    def slopes(features):
        """The features, and the gradient of their sum of squares by weights and biases, in one program."""

        def cost(net):
            found = features(net, jnp.asarray(pictures))
            return jnp.square(found).sum(), found

        return jax.jit(jax.grad(cost, has_aux=True))

    biases = [np.full(width, 0.1, np.float32) for width in widths(net)]
    biased = eqx.tree_at(lambda n: [layer.bias for layer in n.layers], net, biases)
    theirs, expected = slopes(reference)([(layer.weight, layer.bias) for layer in biased.layers])
    ours, found = slopes(lambda net, x: net(x))(biased)
    assert expected.shape == (2, net.outputs)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for leaf, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(leaf, other, rtol=1e-3, atol=1e-3 * float(np.abs(other).max()))


def unseen(side):
    """The rows of a square picture that have no effect on the features."""
    net = made(Convolution, jax.random.key(0), (side, side, 1))
    picture = np.random.default_rng(1).random((side, side, 1), np.float32)
    slopes = np.asarray(jax.jit(jax.grad(lambda x: jnp.square(net(x)).sum()))(picture))
    return [row for row in range(side) if not np.abs(slopes[row]).sum() > 0]


@pytest.mark.parametrize("side", [9, 12, 13, 18])
def test_a_small_picture_is_seen_to_its_last_pixel(side):
    assert unseen(side) == []


def test_without_padding_the_last_rows_of_a_small_maze_would_not_be_seen(monkeypatch):
    monkeypatch.setattr(convolution, "padding", lambda pictures, _kernel, _stride: pictures)
    assert unseen(18) == [15, 16, 17]


def widths(net):
    return [layer.bias.shape[0] for layer in net.layers]


def test_a_network_of_another_library_is_two_functions():
    class Module:  # like Flax's
        def init(self, key, x):
            return {"w": jax.random.normal(key, (x.shape[-1], 2))}

        def apply(self, parameters, x):
            return x @ parameters["w"]

    module = Module()
    parameters = module.init(jax.random.key(0), jnp.ones(3))
    net = Applied(module.apply, parameters)
    assert jax.tree.leaves(net)[0] is parameters["w"]
    x = np.ones((5, 3), np.float32)
    np.testing.assert_array_equal(CALL(net, x), module.apply(parameters, x))
    grad = jax.jit(jax.grad(lambda n: n(x).sum()))(net)
    np.testing.assert_allclose(grad.parameters["w"], 5.0)


def test_what_is_told_further_joins_the_features_behind_them():
    net = made(Network, jax.random.key(0), SPACES["vector"], (8,), 1, further=2)
    seen = observations(SPACES["vector"], 5)
    action = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    first, last = net.mlp.layers
    hidden = np.maximum(np.concatenate([seen, action], 1) @ np.asarray(first.weight) + np.asarray(first.bias), 0)
    expected = hidden @ np.asarray(last.weight) + np.asarray(last.bias)
    np.testing.assert_allclose(CALL(net, seen, action), expected, rtol=1e-4, atol=1e-5)
