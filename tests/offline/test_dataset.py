"""Datasets: Minari reads our files, we read Minari's, and damaged files are refused."""

import json
import shutil
import sys
import warnings

import gymnasium
import h5py
import numpy as np
import pytest
from gymnasium import spaces

import zerone as zo
from zerone.base.claim import Claim
from zerone.base.errors import InputError, RunError
from zerone.environments.spaces import Spaces
from zerone.offline import storage
from zerone.offline.format import identity, space_from_json, space_to_json
from zerone.offline.reading import read
from zerone.offline.writer import DatasetWriter

MAZE = "zerone/Maze-v0"
KINDS = [
    spaces.Discrete(4),
    spaces.Discrete(3, start=-2),
    spaces.Box(-1.0, 2.0, (2, 3), np.float32),
    spaces.Box(np.array([0.0, -np.inf]), np.array([np.inf, 1.0]), dtype=np.float64),
    spaces.Box(0, 255, (40, 40, 3), np.uint8),
    spaces.Box(0.0, 1.0, (), np.float32),
    spaces.MultiDiscrete([2, 5, 3]),
]


@pytest.fixture(scope="module")
def minari(tmp_path_factory):
    """Minari, with a temporary root folder."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Minari's own warnings
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
        import minari

        yield minari


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Five episodes of a random policy in the maze. Tests must copy it before they change it."""
    path = tmp_path_factory.mktemp("datasets") / "day"
    zo.record("random", MAZE, episodes=5, out=path)
    return path


@pytest.fixture
def copy(day, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(day, tmp_path / "copy")


@pytest.mark.usefixtures("minari")
@pytest.mark.parametrize("space", KINDS, ids=str)
def test_spaces_are_written_as_minari_reads_them_and_read_as_it_writes_them(space):
    from minari.serialization import deserialize_space, serialize_space

    assert deserialize_space(space_to_json(space)) == space
    assert space_from_json(serialize_space(space)) == space
    assert space_from_json(space_to_json(space)) == space
    assert space_from_json(space_to_json(space)).dtype == space.dtype


def written(path, observation, action, number=3, steps=6):
    """Write a dataset of random samples; returns it with its episodes."""
    observation.seed(1)
    action.seed(2)
    episodes = []
    claim = Claim.take(path)
    with claim, DatasetWriter(claim, Spaces(observation, action), overwrite=False) as writer:
        for i in range(number):
            seen, done = [observation.sample() for _ in range(steps + 1)], [action.sample() for _ in range(steps)]
            rewards = [float(10 * i + t) for t in range(steps)]
            writer.episode(70 + i, seen, done, rewards, terminated=i % 2 == 0, truncated=i % 2 == 1)
            episodes.append((np.array(seen), np.array(done), rewards))
        writer.finish({"dataset_id": identity(path)})
    return episodes


@pytest.mark.parametrize("observation", KINDS, ids=str)
def test_minari_loads_what_was_written_number_for_number(observation, minari, monkeypatch, tmp_path):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    action = spaces.Box(-2.0, 2.0, (1,), np.float32)
    episodes = written(tmp_path / "some" / "play-v3", observation, action)
    loaded = minari.load_dataset("some/play-v3")
    assert (loaded.total_episodes, loaded.total_steps) == (3, 18)
    assert (loaded.spec.observation_space, loaded.spec.action_space) == (observation, action)
    assert [each["seed"] for each in loaded.storage.get_episode_metadata(range(3))] == [70, 71, 72]
    for found, (seen, done, rewards) in zip(loaded.iterate_episodes(), episodes, strict=True):
        np.testing.assert_array_equal(found.observations, seen)
        np.testing.assert_array_equal(found.actions, done)
        np.testing.assert_array_equal(found.rewards, rewards)
        assert found.terminations.tolist() == [False] * 5 + [found.id % 2 == 0]
        assert found.truncations.tolist() == [False] * 5 + [found.id % 2 == 1]
        assert f"id={found.id}" in repr(found)
    mine = read(tmp_path / "some" / "play-v3").recorded
    for i, (seen, done, rewards) in enumerate(episodes):
        steps = slice(6 * i, 6 * i + 6)
        np.testing.assert_array_equal(mine.frames[mine.at[steps]], seen[:-1])
        np.testing.assert_array_equal(mine.frames[mine.at[steps] + 1], seen[1:])
        np.testing.assert_array_equal(mine.action[steps], done)
        np.testing.assert_array_equal(mine.reward[steps], np.float32(rewards))


# Minari does not close a temporary folder, which Python then removes with a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_minari_collects_is_read(minari):
    env = minari.DataCollector(gymnasium.make("CartPole-v1"), record_infos=True)
    played = []
    for episode in range(3):
        observation, _ = env.reset(seed=episode)
        over = False
        while not over:
            action = len(played) % 2
            following, reward, terminated, truncated, _ = env.step(action)
            played.append((observation, action, reward, following, terminated, truncated))
            observation, over = following, terminated or truncated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = env.create_dataset(dataset_id="cartpole/chance-v0")
    env.close()
    found = read(made.storage.data_path.parent)
    assert read(made.storage.data_path).checksum() == found.checksum()  # its inner folder is accepted, too
    recorded = found.recorded
    assert (found.episodes, found.steps) == (3, len(played))
    mine = zip(recorded.frames[recorded.at], recorded.action, recorded.reward, recorded.frames[recorded.at + 1],
               recorded.terminated, recorded.truncated, strict=True)  # fmt: skip
    for got, wanted in zip(mine, played, strict=True):
        for one, other in zip(got[:5], wanted[:5], strict=True):
            np.testing.assert_array_equal(one, other)
    assert recorded.truncated.sum() == 1  # only at the end of the recording


def test_ends_that_nobody_marked_are_cut(copy):
    with h5py.File(copy / "data" / "main_data.hdf5", "r+") as file:
        for i in range(5):
            for name in ("terminations", "truncations"):
                file[f"episode_{i}/{name}"][...] = False
        lengths = [len(file[f"episode_{i}/rewards"]) for i in range(5)]
    recorded = read(copy).recorded
    assert np.flatnonzero(recorded.truncated).tolist() == (np.cumsum(lengths) - 1).tolist()
    assert not recorded.terminated.any()


def metadata(change):
    def spoil(path):
        file = path / "data" / "metadata.json"
        told = json.loads(file.read_text())
        file.write_text(json.dumps(change(told)))

    return spoil


def inside(change):
    def spoil(path):
        with h5py.File(path / "data" / "main_data.hdf5", "r+") as file:
            change(file)

    return spoil


def replaced(name, make):
    def change(file):
        old = file[name][()]
        del file[name]
        made = make(old)
        if made is not None:
            file[name] = made

    return inside(change)


def without(name):
    return metadata(lambda told: {key: value for key, value in told.items() if key != name})


def cut_short(share):
    def spoil(path):
        file = path / "data" / "main_data.hdf5"
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    return spoil


def external(path):
    secret = path.parent / "secret.hdf5"
    with h5py.File(secret, "w") as file:
        file["rewards"] = np.zeros(3)
    inside(lambda file: (file["episode_0"].pop("rewards"), file["episode_0"].__setitem__(
        "rewards", h5py.ExternalLink(str(secret), "/rewards"))))(path)  # fmt: skip


def raw_outside(path):
    (path.parent / "secret.bin").write_bytes(b"\0" * 4096)

    def change(file):
        steps = len(file["episode_0/rewards"])
        del file["episode_0/rewards"]
        where = [(str(path.parent / "secret.bin"), 0, 8 * steps)]
        file["episode_0"].create_dataset("rewards", (steps,), "f8", external=where)

    inside(change)(path)


def virtual(path):
    def change(file):
        steps = len(file["episode_0/rewards"])
        layout = h5py.VirtualLayout((steps,), "f8")
        layout[:] = h5py.VirtualSource(str(path.parent / "secret.hdf5"), "rewards", (steps,))
        del file["episode_0/rewards"]
        file["episode_0"].create_virtual_dataset("rewards", layout)

    inside(change)(path)


def put(name, index, value):
    return inside(lambda file: file[name].__setitem__(index, value))


def declared(**words):
    """Replace the first episode by one with 20 million declared steps, almost none of which are in the file."""

    def change(file):
        del file["episode_0"]
        group = file.create_group("episode_0")
        for name, kind in (("rewards", "f8"), ("terminations", "?"), ("truncations", "?"), ("actions", "i8")):
            group.create_dataset(name, (20_000_000,), kind, **words)
        group.create_dataset("observations", (20_000_001,), "i8", **words)

    return inside(change)


def repeated(path):
    """Make every episode the same long one, so that a small file declares very many steps."""

    def change(file):
        for name in list(file):
            del file[name]
        group = file.create_group("episode_0")
        for name in ("rewards", "terminations", "truncations", "actions"):
            group.create_dataset(name, data=np.zeros(100_000, "?"), compression="gzip")
        group.create_dataset("observations", data=np.zeros(100_001, "?"), compression="gzip")
        for i in range(1, 200):
            file[f"episode_{i}"] = group

    inside(change)(path)
    metadata(lambda told: told | {"total_episodes": 200, "total_steps": 20_000_000})(path)


SPOILT = {
    "steps that were never written": (declared(), "not all are in the file"),
    "steps in no chunk": (declared(chunks=(1024,)), "not all are in the file"),
    "steps in a few chunks": (declared(chunks=(1024,), compression="gzip"), "not all are in the file"),
    "episodes that are one": (repeated, "no recording is packed like that"),
    "gone": (shutil.rmtree, "does not exist"),
    "no metadata": (lambda path: (path / "data" / "metadata.json").unlink(), "metadata.json is missing"),
    "no main file": (lambda path: (path / "data" / "main_data.hdf5").unlink(), "main_data.hdf5 is missing"),
    "nothing in it": (lambda path: shutil.rmtree(path / "data"), "no dataset in Minari's format"),
    **{f"{tenth} tenths are left": (cut_short(tenth / 10), "torn, damaged") for tenth in range(10)},
    "the last bytes gone": (cut_short(0.999), "torn, damaged"),
    "other bytes": (lambda path: (path / "data" / "main_data.hdf5").write_bytes(b"hello" * 999), "torn, damaged"),
    "metadata cut": (lambda path: (path / "data" / "metadata.json").write_text('{"total_'), "not JSON"),
    "metadata too deep": (lambda path: (path / "data" / "metadata.json").write_text("[" * 99_999), "not JSON"),
    "metadata a list": (metadata(lambda _: [1]), "not a JSON object"),
    "arrow": (metadata(lambda told: told | {"data_format": "arrow"}), "'arrow'"),
    "no counts": (without("total_steps"), "does not say how many"),
    "negative counts": (metadata(lambda told: told | {"total_steps": -1}), "does not say how many"),
    "fewer episodes": (inside(lambda file: file.pop("episode_4")), "torn: 4 episodes are there"),
    "an episode renamed": (inside(lambda file: file.move("episode_2", "episode_9")), "episode_2 is missing"),
    "fewer steps": (metadata(lambda told: told | {"total_steps": told["total_steps"] + 1}), "torn: "),
    "empty": (lambda path: (metadata(lambda told: told | {"total_episodes": 0, "total_steps": 0})(path),
                            inside(lambda file: [file.pop(name) for name in list(file)])(path)), "is empty"),
    "an empty episode": (replaced("episode_1/rewards", lambda old: old[:0]), "episode_1 is empty"),
    "no last observation": (replaced("episode_1/observations", lambda old: old[:-1]), "episode_1: torn"),
    "fewer actions": (replaced("episode_1/actions", lambda old: old[:-1]), "but actions of shape"),
    "wide actions": (replaced("episode_1/actions", lambda old: old[:, None]), "but actions of shape"),
    "more rewards": (replaced("episode_1/rewards", lambda old: [*old, 1.0]), "episode_1: torn"),
    "no terminations": (replaced("episode_1/terminations", lambda _: None), "terminations is missing"),
    "fewer truncations": (replaced("episode_1/truncations", lambda old: old[1:]), "but truncations of shape"),
    "other length": (inside(lambda file: file["episode_0"].attrs.__setitem__("total_steps", 999)), "torn"),
    "texts": (replaced("episode_1/actions", lambda old: [b"left"] * len(old)), "not numbers"),
    "a group of observations": (replaced("episode_0/observations", lambda _: None), "observations is missing"),
    "NaN": (put("episode_1/rewards", 0, np.nan), "rewards hold nan at step 0"),
    "infinite": (put("episode_1/rewards", 0, 1e39), "rewards hold 1e+39 at step 0, not a finite number"),
    "an action too high": (put("episode_1/actions", 1, 4), "actions hold 4 at step 1, not in Discrete(4)"),
    "a state too low": (put("episode_1/observations", 1, -1), "observations hold -1 at step 1, not in Discrete(16)"),
    "a link elsewhere": (external, "is a link, which is not followed"),
    "bytes of another file": (raw_outside, "lies in another file"),
    "an array of another file": (virtual, "lies in another file"),
    "no space": (without("action_space"), "has no action_space"),
    "half a space": (metadata(lambda told: told | {"action_space": '{"type": "Discrete"}'}), "'n' is missing"),
    "a strange space": (metadata(lambda told: told | {"action_space": '{"type": "Graph"}'}), "'Graph' is none of"),
    "a space of objects": (metadata(lambda told: told | {"action_space": json.dumps(
        {"type": "Box", "dtype": "O", "shape": [1], "low": [0], "high": [1]})}), "no kind of numbers"),
    "a space of nothing": (metadata(lambda told: told | {"action_space": '{"type": "Discrete", "n": -4}'}),
                           "action_space cannot be read"),
    "no JSON space": (metadata(lambda told: told | {"observation_space": "Discrete(16)"}), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_torn_or_does_not_fit_is_refused_in_one_line_and_creates_nothing(kind, copy, tmp_path):
    spoil, text = SPOILT[kind]
    spoil(copy)
    with pytest.raises(InputError) as caught:
        zo.train("q-learning", MAZE, dataset=copy, out=tmp_path / "run", steps=100)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_what_does_not_fit_into_memory_is_not_read(copy, monkeypatch):
    monkeypatch.setattr(storage, "machine_memory", lambda: 1000)
    with pytest.raises(InputError, match="held up to 3 times, but there is 0"):
        read(copy)


def test_what_is_packed_as_tightly_as_deflate_can_is_taken(tmp_path):
    """Zeros have the highest compression that a legitimate file can have."""
    with h5py.File(tmp_path / "zeros.hdf5", "w") as file:
        file.create_dataset("x", data=np.zeros(2_000_000), compression="gzip", chunks=(1_000_000,))
    with h5py.File(tmp_path / "zeros.hdf5") as file:
        assert file["x"].nbytes > 900 * file["x"].id.get_storage_size()
        storage.Storage((tmp_path / "zeros.hdf5").stat().st_size).admit("x", file["x"])


def test_what_was_not_spoilt_is_taken(copy, tmp_path):
    assert zo.train("q-learning", MAZE, dataset=copy, out=tmp_path / "run", steps=100, figure=False).result


def test_pictures_as_jpeg_are_refused(tmp_path):
    written(tmp_path / "film", spaces.Box(0, 255, (40, 40, 3), np.uint8), spaces.Discrete(2))
    without("jpeg_encoding")(tmp_path / "film")
    with pytest.raises(InputError, match="its pictures are JPEG"):
        read(tmp_path / "film")


def test_an_environment_or_code_that_is_named_is_not_imported(copy, tmp_path, monkeypatch):
    (tmp_path / "evil_of_a_dataset.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    spec = json.dumps({"id": "evil_of_a_dataset:Env-v0", "entry_point": "evil_of_a_dataset:Env"})
    metadata(lambda told: told | {"env_spec": spec, "eval_env_spec": spec, "requirements": ["evil"]})(copy)
    assert read(copy).episodes == 5
    assert "evil_of_a_dataset" not in sys.modules


def test_the_checksum_is_of_the_play_not_of_the_file(day, copy):
    before = read(day).checksum()
    with h5py.File(copy / "data" / "main_data.hdf5", "r+") as file:
        rewards = file["episode_0/rewards"][()]
        del file["episode_0/rewards"]
        file["episode_0"].create_dataset("rewards", data=rewards, chunks=True, compression="gzip", maxshape=(None,))
    metadata(lambda told: told | {"description": "looked at since"})(copy)
    assert read(copy).checksum() == before
    put("episode_0/rewards", 0, 0.5)(copy)
    assert read(copy).checksum() != before


def test_without_h5py_it_is_said_how_to_get_it(day, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "h5py", None)
    for what in (lambda: read(day), lambda: zo.record("random", MAZE, out=tmp_path / "new")):
        with pytest.raises(InputError, match=r'h5py, which is not installed here: .*pip install "zerone\[data\]"'):
            what()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("minari")
@pytest.mark.parametrize(
    ("name", "wanted"),
    [("play-v3", "play-v3"), ("my play", "my-play-v0"), ("spiel.é", "spiel---v0"), ("x", "x-v0")],
)
def test_a_folder_gives_a_name_that_minari_takes(name, wanted, tmp_path):
    from minari.dataset.minari_dataset import parse_dataset_id

    assert identity(tmp_path / name) == wanted
    parse_dataset_id(wanted)


def test_a_write_that_fails_leaves_nothing_and_says_so(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(RunError, match="new/day: cannot be written: No space left on device"):
        zo.record("random", MAZE, episodes=2, out=tmp_path / "new" / "day")
    assert list(tmp_path.iterdir()) == []
