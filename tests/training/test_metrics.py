"""The table of metrics reads back to the same bits, survives kills, and has the same bytes after resuming."""

import logging
import math
import resource
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zerone as zo
from zerone.base.by_seed import rows_by_seed
from zerone.base.errors import InputError, RunError
from zerone.training import metrics_table
from zerone.training.metrics import MetricsWriter
from zerone.training.metrics_table import read_metrics
from zerone.training.tensorboard import Boards, tag_of

COLUMNS = ("train/return", "loss")


def rows(step: int) -> list[dict]:
    return [{"seed": seed, "step": step, "train/return": np.float32(step / 3 + seed), "loss": None} for seed in (0, 1)]


def write(folder, steps, **options) -> bytes:
    with MetricsWriter(folder, COLUMNS, **options) as writer:
        for step in steps:
            writer.write(rows(step))
    return (folder / "metrics.csv").read_bytes()


numbers = st.none() | st.floats() | st.floats(width=32).map(np.float32) | st.integers(-(2**53), 2**53) | st.booleans()


@given(values=st.lists(numbers, min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_every_number_reads_back_as_the_same_bits(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("metrics")
    with MetricsWriter(folder, ["x"]) as writer:
        writer.write([{"seed": 0, "step": step, "x": value} for step, value in enumerate(values)])
    found = read_metrics(folder)
    assert found["step"].tolist() == list(range(len(values)))
    for value, read in zip(values, found["x"], strict=True):
        if value is None or math.isnan(value):
            assert math.isnan(read)
        else:
            kind = np.float32 if isinstance(value, np.float32) else np.float64
            assert kind(read).tobytes() == kind(value).tobytes()


def test_the_text_is_what_a_person_would_write(tmp_path):
    assert write(tmp_path, [1]) == b"seed,step,train/return,loss\n0,1,0.33333334,\n1,1,1.3333334,\n"


@pytest.mark.parametrize("killed_at", [20, 35, 50])
def test_an_interrupted_and_resumed_table_is_the_same_bytes(tmp_path, killed_at):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = write(tmp_path / "a", range(0, 60, 5))
    first = write(tmp_path / "b", range(0, killed_at, 5))
    (tmp_path / "b" / "metrics.csv").write_bytes(first + b"0,5")  # cut off: could be misread as step 5
    assert write(tmp_path / "b", range(20, 60, 5), resume_at=15) == whole


def test_resuming_without_a_table_and_into_a_torn_first_line_begins_one(tmp_path):
    whole = write(tmp_path, [5])
    (tmp_path / "metrics.csv").write_bytes(b"seed,st")
    assert write(tmp_path, [5], resume_at=0) == whole
    (tmp_path / "metrics.csv").unlink()
    assert write(tmp_path, [5], resume_at=0) == whole


def test_resuming_into_other_columns_or_a_damaged_table_is_refused(tmp_path):
    before = write(tmp_path, [5])
    with pytest.raises(InputError, match="its columns are seed,step,train/return,loss, not seed,step,other"):
        MetricsWriter(tmp_path, ["other"], resume_at=9)
    assert (tmp_path / "metrics.csv").read_bytes() == before
    (tmp_path / "metrics.csv").write_bytes(before + b"0,x,\n")
    with pytest.raises(InputError, match="line 4: damaged"):
        MetricsWriter(tmp_path, COLUMNS, resume_at=9)


def test_reading_while_a_line_is_being_written(tmp_path):
    whole = write(tmp_path, [5, 10])
    for end in range(len(whole) - 1, len(whole) - 10, -1):
        (tmp_path / "metrics.csv").write_bytes(whole[:end])
        assert read_metrics(tmp_path / "metrics.csv")["step"].tolist() == [5, 5, 10]


def test_a_table_without_rows_has_its_columns(tmp_path):
    write(tmp_path, [])
    found = read_metrics(tmp_path)
    assert {name: (values.shape, values.dtype.kind) for name, values in found.items()} == {
        "seed": ((0,), "i"),
        "step": ((0,), "i"),
        "train/return": ((0,), "f"),
        "loss": ((0,), "f"),
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1: not a table of metrics"),
        (b"time,step\n", "line 1: not a table of metrics"),
        (b"\x89PNG\n\n", "line 1: damaged: not text"),
        (b"seed,step,x\n0,1,2.0\n0,2\n", "line 3: damaged: 2 cells for 3 columns"),
        (b"seed,step,x\n0,1,2.0\n0,2,o.5\n", "line 3: damaged: .*o.5"),
        (b"seed,step,x\n0,1.5,2.0\n", "line 2: damaged"),
        (b"seed,step,x\n0,1,\xb2.0\n", "line 2: damaged: not text"),
        (b"seed,step,x\n0," + b"9" * 30 + b",1\n", "line 2: damaged: .*beyond"),
        (b"seed,step,x\n0," + b"9" * 400 + b",1\n", "line 2: damaged: .*beyond"),
        (b"seed,step,x\n-1,1,2.0\n", "beyond"),
        (b"seed,step,x\n0,5,1\n0,-5,2.0\n", "line 3: damaged: .*beyond"),
        (b"seed,step,x\n0,1,2.0\n\n0,2,3.0\n", "line 3: damaged: 1 cells for 3 columns"),
        (b"seed,step,x\n0,nan,2.0\n", "line 2: damaged"),
        (b"seed,step,x\n0,,2.0\n", "line 2: damaged"),
        (b"seed,step,x,x\n", "line 1: damaged: columns must have different names"),
        (b"seed,step,\n", "line 1: damaged: columns must have different names"),
        (b"seed,step,x\n0,1,2.0,\n", "line 2: damaged: 4 cells"),
        (b"\0" * 4096 + b"\n", "line 1: not a table"),
    ],
)
def test_a_damaged_table_is_refused_naming_the_line(tmp_path, content, words):
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"metrics\.csv: .*{words}"):
        read_metrics(tmp_path)


OTHER_HANDS = {
    "line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "mark": lambda data: b"\xef\xbb\xbf" + data,
    "both": lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("hands", OTHER_HANDS.values(), ids=OTHER_HANDS)
def test_a_table_that_was_in_other_hands_reads_the_same_and_is_resumed_to_the_same_bytes(hands, tmp_path):
    whole = write(tmp_path, range(0, 60, 5))
    before = read_metrics(tmp_path)
    (tmp_path / "metrics.csv").write_bytes(hands(whole))
    for name, values in read_metrics(tmp_path).items():
        np.testing.assert_array_equal(values, before[name])
    (tmp_path / "metrics.csv").write_bytes(hands(whole)[:-1])  # its last line is incomplete
    assert len(read_metrics(tmp_path)["step"]) == len(before["step"]) - 1
    (tmp_path / "metrics.csv").write_bytes(hands(whole))
    assert write(tmp_path, range(30, 60, 5), resume_at=25) == whole


def test_a_million_rows_are_read_in_seconds(tmp_path):
    """The time is proportional to the rows, not to rows times seeds. The limit is ten times the usual CPU time."""
    rows = 1_000_000
    line = b"7,100,3.0,0.63696,,12.5\n"
    (tmp_path / "metrics.csv").write_bytes(b"seed,step,episodes,return,cost,length\n" + line * rows)
    begun = time.process_time()
    found = read_metrics(tmp_path)
    assert time.process_time() - begun < 20
    assert len(found["seed"]) == rows
    assert np.isnan(found["cost"]).all()
    assert (found["length"] == 12.5).all()


def test_rows_are_gathered_by_seed_in_the_order_of_their_steps():
    columns = {"seed": np.array([3, 1, 3, 1, 3]), "step": np.array([20, 5, 10, 1, 20])}
    assert {seed: rows.tolist() for seed, rows in rows_by_seed(columns).items()} == {1: [3, 1], 3: [2, 0, 4]}
    assert rows_by_seed({"seed": np.zeros(0, np.int64), "step": np.zeros(0, np.int64)}) == {}


def test_a_table_larger_than_memory_can_hold_is_not_read(tmp_path, monkeypatch):
    write(tmp_path, [5])
    monkeypatch.setattr(metrics_table, "machine_memory", lambda: 80)
    with pytest.raises(InputError, match=r"metrics\.csv: larger than 10 bytes"):
        read_metrics(tmp_path)


def test_no_table(tmp_path):
    with pytest.raises(InputError, match="no metrics there"):
        read_metrics(tmp_path)


def test_rows_that_do_not_fit_are_refused(tmp_path):
    with MetricsWriter(tmp_path, COLUMNS) as writer:
        for row in ({"seed": 0, "step": 1, "other": 2.0}, {"seed": 0, "loss": 1.0}):
            with pytest.raises(ValueError, match="does not fit the columns"):
                writer.write([row])
    for columns in (["a,b"], ["a", "a"], ["step"], ['"']):
        with pytest.raises(ValueError, match="columns must be"):
            MetricsWriter(tmp_path, columns)


def test_a_full_disk_leaves_whole_rows_and_writing_can_go_on(tmp_path):
    with MetricsWriter(tmp_path, COLUMNS) as writer:
        writer.write(rows(5))
        before = (tmp_path / "metrics.csv").read_bytes()
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, old[1]))
        try:
            with pytest.raises(RunError, match=r"metrics\.csv: cannot be written: File too large"):
                writer.write(rows(10))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert (tmp_path / "metrics.csv").read_bytes() == before
        writer.write(rows(10))
        writer.sync()
    assert read_metrics(tmp_path)["step"].tolist() == [5, 5, 10, 10]


def records(path) -> list:
    """The events of a file, read as the format is defined: length, checksum of it, data, checksum of it."""
    from tensorboardX.proto.event_pb2 import Event

    data, events = path.read_bytes(), []
    while data:
        length = int.from_bytes(data[:8], "little")
        events.append(Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return events


def scalars(events) -> list:
    return [(event.step, value.tag, value.simple_value) for event in events for value in event.summary.value]


def test_tensorboard_gets_a_folder_per_seed_and_hides_what_was_dropped(tmp_path):
    for resume_at, written in ((None, rows(5) + rows(10)), (5, rows(10))):
        with closing(Boards(tmp_path, [0, 1], resume_at)) as boards:
            boards.write(written)
    old, new = sorted((tmp_path / "seed-1").glob("events.out.tfevents.*"))
    third = float(np.float32(5 / 3 + 1))
    tenth = float(np.float32(10 / 3 + 1))
    assert records(old)[0].file_version == "brain.Event:2"
    assert scalars(records(old)) == [(5, "train/return", third), (10, "train/return", tenth)]
    start = records(new)[1]
    assert (start.step, start.session_log.status) == (6, 1)
    assert scalars(records(new)) == [(10, "train/return", tenth)]


def test_one_seed_is_one_curve_in_the_run_folder_itself(tmp_path):
    with closing(Boards(tmp_path, [7])) as boards:
        boards.write([{"seed": 7, "step": 1, "loss": math.nan}])
        assert list(tmp_path.iterdir()) == []  # nothing was measured, so there is no file
        boards.write([{"seed": 7, "step": 2, "loss": 0.5}])
    (events,) = tmp_path.glob("events.out.tfevents.*")
    assert scalars(records(events)) == [(2, "learning/loss", 0.5)]


@pytest.mark.thorough
def test_tensorboard_is_told_what_is_measured_with_what_settings(tmp_path):
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    settings = {"hidden": (8,), "batch": 4, "warmup": 10, "double": True}
    run = zo.train("dqn", "CartPole-v1", steps=100, seeds=2, out=tmp_path / "pole", settings=settings, figure=False,
                   options={"limit": 50}, evaluation_episodes=2)  # fmt: skip
    (file,) = (tmp_path / "pole" / "seed-1").glob("events.out.tfevents.*")
    values = [value for event in records(file) for value in event.summary.value]
    tags = {value.tag for value in values if not value.tag.startswith("_")}
    assert tags == {"train/return", "train/length", "train/episodes", "evaluation/return", "evaluation/length",
                    "evaluation/episodes", "evaluation/cut", "loss/value", "value/q", "exploration/epsilon",
                    "run"}  # fmt: skip
    told = {value.tag: value.metadata.summary_description for value in values if value.metadata.summary_description}
    assert told["loss/value"] == zo.DQN.metrics["cost"]
    assert set(told) == tags - {"run"}
    sessions = [HParamsPluginData.FromString(value.metadata.plugin_data.content) for value in values
                if value.metadata.plugin_data.plugin_name == "hparams"]  # fmt: skip
    start, end = sessions
    kept = start.session_start_info.hparams
    assert start.session_start_info.group_name == "pole"  # its seeds are repetitions of one group
    assert (kept["algorithm"].string_value, kept["environment"].string_value) == ("dqn", "CartPole-v1")
    assert (kept["batch"].number_value, kept["double"].bool_value, kept["hidden"].string_value) == (4.0, True, "8")
    assert (kept["option.limit"].number_value, kept["seed"].number_value) == (50.0, 1.0)
    assert end.session_end_info.status == 1
    (text,) = (value for value in values if value.metadata.plugin_data.plugin_name == "text")
    assert text.tensor.string_val[0].decode().startswith("**pole**: dqn on CartPole-v1, seed 1\n")
    assert set(run.metrics) == {"seed", "step", "episodes", "return", "length", "cost", "q", "epsilon",
                                "evaluation_return", "evaluation_length", "evaluation_episodes",
                                "evaluation_cut"}  # fmt: skip


def test_every_measure_has_a_group_and_what_is_the_same_has_one_tag():
    from zerone.algorithms import catalogue

    tags = {(entry.name, name): tag_of(name) for entry in catalogue.entries() for name in entry.make.metrics}
    assert not [each for each, tag in tags.items() if tag.startswith("learning/")]
    assert len({tags[each] for each in (("dqn", "cost"), ("ppo", "value_loss"), ("ddpg", "critic_loss"))}) == 1
    assert tags["dqn", "q"] == tags["ddpg", "q"]
    for entry in catalogue.entries():  # two columns of an algorithm never share a chart
        of = [tag_of(name) for name in entry.make.metrics]
        assert len(of) == len(set(of))
    assert (tag_of("mine"), tag_of("my/own")) == ("learning/mine", "my/own")


def test_when_tensorboard_fails_the_table_goes_on_and_it_is_said_once(tmp_path, caplog, monkeypatch):
    def failing(path):
        raise OSError(f"{Path(path).parent.name} is in the way")

    monkeypatch.setattr("tensorboardX.RecordWriter", failing)
    with caplog.at_level(logging.WARNING, "zerone"):
        run = zo.train("q-learning", "zerone/Treasure-v0", steps=300, seeds=2, out=tmp_path / "run", figure=False,
                       evaluation_episodes=2)  # fmt: skip
    assert run.metrics["step"].tolist()[-2:] == [300, 300]
    assert [each.getMessage() for each in caplog.records] == ["TensorBoard gets no more events: seed-0 is in the way"]
