"""Chinese output: chosen by option, variable or locale, and complete; names in the output are not translated."""

from __future__ import annotations

import ast
import gettext
import importlib.util
import io
import json
import re
import string
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import zerone as zo
from zerone.base import wide
from zerone.base.errors import InputError, RunError
from zerone.base.language import CATALOGUES, DOMAIN, in_language, of_locale, translated
from zerone.base.notices import Notices
from zerone.charts import fonts
from zerone.cli.language import spoken
from zerone.environments.gym.guard import guarded
from zerone.training import fields

CHINESE = re.compile(r"[\u4e00-\u9fff、]")
TOOL = Path(__file__).parent.parent.parent / "tools" / "translations.py"


@pytest.fixture(scope="module")
def tool():
    place = importlib.util.spec_from_file_location("translations", TOOL)
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def entries(tool):
    return {message.id: message.string for message in tool.catalogue() if message.id}


def fields_in(text):
    return sorted((name, kind, how) for _, name, kind, how in string.Formatter().parse(text) if name is not None)


def test_each_text_has_a_chinese_one_and_no_other_is_there(tool, entries):
    assert entries.keys() == tool.texts(), "run tools/translations.py, and fill in what is new"
    assert [text for text, chinese in entries.items() if not chinese] == []


def test_why_a_run_becomes_no_page_is_said_in_chinese_too(tmp_path):
    from zerone.lab.one_file import page_of

    run = zo.train(
        "q-learning", "Taxi-v4", steps=200, evaluation_episodes=1, action_mask="environment", out=tmp_path / "run"
    )
    for seed in (None, 9):
        with in_language("zh"), pytest.raises(InputError) as caught:
            page_of(run.path, seed)
        assert CHINESE.search(str(caught.value))


NAMES = re.compile(r"(\W*(Box|(Multi)?Discrete|MiniGrid))+|\{some\} of \{all\}|[^a-z]*")
"""Texts without numbers in which nothing is to be said in Chinese: names and signs."""


def test_what_is_filled_in_is_chinese_and_takes_the_same_numbers(entries):
    for text, chinese in entries.items():
        assert fields_in(text) == fields_in(chinese), text
        said = re.sub(r"\{[^}]*\}", "", text)
        assert CHINESE.search(chinese) or NAMES.fullmatch(text) or NAMES.fullmatch(said), text
        assert not CHINESE.search(text), text
        assert ("\b" in text) == ("\b" in chinese), text


def test_the_compiled_catalogue_is_what_the_text_compiles_to(tool, entries):
    found = gettext.translation(DOMAIN, CATALOGUES, ["zh"])
    assert {text: found.gettext(text) for text in entries} == entries
    compiled = gettext.GNUTranslations(io.BytesIO(tool.compiled(tool.catalogue())))
    assert {text: compiled.gettext(text) for text in entries} == entries


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LC_ALL": "zh_CN", "LC_MESSAGES": "en_US.UTF-8", "LANG": "de_DE"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "C.UTF-8", "LANGUAGE": "zh"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LC_ALL": "", "LANG": "zh"}, "zh"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "fr:zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh"}, "en"),
        ({"LANG": "zh_Hans@pinyin"}, "zh"),
        ({"LANG": "zhz_XX"}, "en"),
    ],
)
def test_the_locale_chooses_as_for_gettext(variables, language):
    assert of_locale(variables) == language


def test_what_is_typed_is_stronger_than_the_variable_and_that_than_the_locale():
    def chosen(line, encoding="utf-8", **variables):
        return spoken(line.split(), variables, encoding)

    chinese = {"LANG": "zh_CN.UTF-8"}
    assert chosen("train dqn", **chinese) == ("zh", ["train", "dqn"])
    assert chosen("train dqn", "ascii", **chinese)[0] == "en"  # ASCII cannot show Chinese
    assert chosen("train dqn", ZERONE_LANGUAGE="en", **chinese)[0] == "en"
    assert chosen("train --language=zh dqn", ZERONE_LANGUAGE="en") == ("zh", ["train", "dqn"])
    assert chosen("--language en train --language zh dqn") == ("zh", ["train", "dqn"])
    assert chosen("train -- --language zh") == ("en", ["train", "--", "--language", "zh"])
    assert chosen("evaluate RUN --json --language zh")[0] == "en"


@pytest.mark.parametrize("line", ["--language xx", "train --help --language=fr", "--language= --help"])
def test_another_language_is_refused_in_a_line(zerone, line):
    ended = zerone(*line.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert "allowed: en, zh" in ended.err


def test_the_variable_is_refused_as_the_option_is(zerone, monkeypatch):
    monkeypatch.setenv("ZERONE_LANGUAGE", "klingon")
    assert "ZERONE_LANGUAGE klingon is not allowed" in zerone("--help").err
    monkeypatch.setenv("ZERONE_LANGUAGE", "zh")
    assert "用法" in zerone("--help").out
    assert "需要一个值" in zerone("train", "--language").err


def test_help_is_in_chinese_within_80_columns(zerone):
    for line in (["--help"], ["train", "dqn", "CartPole-v1", "--help"], ["step", "--help"], ["watch", "--help"]):
        out = zerone(*line, "--language", "zh").out
        assert "选项：" in out
        assert "Default" not in out
        assert max(map(wide.width, out.splitlines())) <= 80
    assert "折扣因子 γ" in zerone("train", "dqn", "X", "--help", "--language", "zh").out


def test_lists_are_in_chinese_and_what_programs_read_is_not(zerone):
    out = zerone("environments", "FrozenLake-v1", "--language", "zh").out
    assert "穿过 4×4 的冰湖" in out
    assert max(map(wide.width, out.splitlines())) <= 80
    assert len({wide.width(line[: line.index("  ")]) + 2 for line in out.splitlines()[:1]}) == 1
    assert "无模型，学价值" in zerone("algorithms", "q-learning", "--language", "zh").out
    for line in (("algorithms", "dqn"), ("environments", "FrozenLake-v1")):
        plain, chinese = zerone(*line, "--json"), zerone(*line, "--json", "--language", "zh")
        assert plain.out == chinese.out
        assert not CHINESE.search(plain.out)
    assert json.loads(zerone("environments", "--json", "--language", "zh").out)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train dqm CartPole-v1", "没有算法 'dqm'：你是想写 'dqn' 吗？（可用的有："),
        ("train dqn CartPole-v7", "没有环境 'CartPole-v7'"),
        ("train dqn CartPole-v1 --gama 1", "没有选项 --gama"),
        ("train dqn CartPole-v1 --steps 0", "--steps 不能是 0，应为：整数，从 1"),
        ("train dqn CartPole-v1 --discount 7", "--discount 不能是 7，应为：一个数，不小于 0、不大于 1"),
        ("evaluate nowhere", "nowhere：没有这个运行文件夹"),
        ("evaluate", "缺少 RUN"),
        ("evaluate a b", "多了一个参数（b）"),
        ("tain", "没有命令 tain"),
    ],
)
def test_errors_are_in_chinese(zerone, line, said):
    ended = zerone(*line.split(), "--language", "zh")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_run_speaks_chinese_and_its_files_do_not(zerone, here):
    line = ["train", "q-learning", "zerone/Treasure-v0", "--steps", 300, "--evaluation-episodes", 2, "--no-figure"]
    ended = zerone(*line, "--out", "run", "--language", "zh")
    assert (ended.code, ended.err) == (0, "")
    for said in (
        "正在编译",
        "/ 300 步",
        "zerone/Treasure-v0 上的 q-learning：300 步",
        "平均回报",
        "运行文件夹：run",
        "看它玩",
    ):
        assert said in ended.out
    for path in (here / "run").rglob("*"):
        if path.suffix in (".json", ".csv"):
            assert not CHINESE.search(path.read_text(encoding="utf-8")), path
    assert "平均长度" in zerone("evaluate", "run", "--language", "zh").out
    watched = zerone("watch", "run", "--text", "--episodes", 1, "--language", "zh").out
    assert "第 1 回合  第 0 步  回报 0" in watched
    assert "（找到宝藏）" in watched
    stepped = zerone("step", "run", "--steps", 1, "--language", "zh").out
    assert "种子 0  第 1 步  第 1 回合，第 1 步，回报 0" in stepped
    assert zerone("watch", "run", "--text", "--episodes", 1).out.count("episode 1  step 0  return 0") == 1


def test_figures_are_chinese_where_a_font_is_and_english_where_none_is(monkeypatch, caplog):
    with in_language("zh"):
        monkeypatch.setattr(fonts, "_family", lambda: "SimHei")
        with fonts.figure_language() as families:
            assert families == ["DejaVu Sans", "SimHei"]
            assert translated("environment steps") == "环境步数"
        monkeypatch.setattr(fonts, "_family", lambda: None)
        monkeypatch.setattr(fonts, "_notices", fonts.Notices())
        for _ in range(2):
            with fonts.figure_language() as families:
                assert families == ["DejaVu Sans"]
                assert translated("environment steps") == "environment steps"
    assert caplog.text.count("no font with Chinese") == 1


def test_text_is_wrapped_by_the_columns_that_it_takes():
    text = "回报（return）是奖励之和，γ = 0.99；见 zerone train --help。" * 3
    lines = wide.wrapped(text, 24)
    assert max(map(wide.width, lines)) <= 24
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line[0] in wide.NOT_FIRST or line[-1] in wide.NOT_LAST for line in lines)
    assert wide.wrapped("", 9) == []
    assert wide.cut("一二三", 5) == "一二"
    assert wide.padded("一二", 5) + "|" == "一二 |"


def test_english_loads_no_catalogue(zerone, monkeypatch):
    monkeypatch.setattr("zerone.base.language._catalogue", None)
    assert zerone("--help").out.startswith("Usage: zerone ")


@pytest.mark.parametrize(
    "line",
    [
        "train dqn CartPole-v1 --priority-exponent 0.5", "train ppo CartPole-v1 --minibatches 7 --steps 10",
        "train dqn CartPole-v1 --processes 4", "train q-learning zerone/Maze-v0 --from nowhere", "compare nowhere",
        "check nomodule:Name", "record", "record RUN --random zerone/Maze-v0", "experiment foo", "example foo",
        "sweep dqn CartPole-v1", "sweep dqn CartPole-v1 foo=1", "sweep dqn CartPole-v1 learning_rate=1..",
        "sweep q-learning zerone/Maze-v0 learning_rate=0.1,0.2 --seeds 2", "lesson foo", "lesson --at 3",
        "environments --option a=1", "watch RUN --speed 2",
    ],
)  # fmt: skip
def test_what_is_refused_is_said_in_chinese(zerone, line):
    ended = zerone(*line.split(), "--language", "zh")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    said = re.sub(r"'[^']*'|--[\w-]+|zerone [\w /-]+|[\w./-]*(/|_|-v)[\w./-]*|[A-Z]\w+:?|\w+=\S+", "", ended.err)
    assert not re.search(r"\b(is|not|must|needs|the|has|of|to)\b", said), ended.err
    assert CHINESE.search(said)


FOR_PROGRAMS = {
    "environments/base.py", "environments/gym/bridge.py", "training/agent.py", "training/events.py",
    "training/listeners.py", "training/loop.py", "training/register.py", "training/unknown_arguments.py",
}  # fmt: skip
"""Files whose refusals only a program that uses the library meets: they stay English."""


REFUSALS = ("InputError", "RunError", "ObservationError", "MaskError", "LostError", "TakenError", "NothingToDrawError")


def english_refusals(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            refuses = node.func.id in REFUSALS
            words = [each.value for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)]
            plain = isinstance(node.args[0], (ast.Constant, ast.JoinedStr, ast.BinOp))
            if refuses and plain and any(re.search("[a-z]{3}", str(each)) for each in words):
                yield node.lineno


def test_each_refusal_of_the_command_line_can_be_said_in_chinese(tool):
    found = {}
    for path in sorted(tool.SOURCE.rglob("*.py")):
        name = path.relative_to(tool.SOURCE).as_posix()
        if name not in FOR_PROGRAMS and name.split("/")[0] not in ("lab", "benchmarks"):  # these have their own
            lines = list(english_refusals(path.read_text(encoding="utf-8")))
            found |= {name: lines} if lines else {}
    assert found == {}


def test_what_an_environment_does_wrong_is_said_in_chinese():
    class Wrong(gymnasium.Env):
        observation_space, action_space = spaces.Box(0, 1, (2,)), spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):  # noqa: ARG002 - Gymnasium's
            super().reset(seed=seed)
            return np.zeros(2, np.float32), {}

        def step(self, action):
            if action:
                raise OSError("gone")
            return np.zeros(3, np.float32), 0.0, False, False, {}

    def step(action):
        env = guarded(Wrong(), "mine:Wrong", 0, "auto", Notices())
        env.reset(seed=0)
        with pytest.raises(RunError) as caught:
            env.step(action)
        return str(caught.value)

    assert step(1) == "environment mine:Wrong, seed 0, step 1: step raised OSError: gone"
    with in_language("zh"):
        assert step(0) == "环境 mine:Wrong，种子 0，第 1 步：观测的形状是 (3,)，应为 (2,)"
        assert step(1) == "环境 mine:Wrong，种子 0，第 1 步：step 抛出了 OSError：gone"


def test_fields_of_files_are_refused_in_the_language_of_the_moment():
    check = fields.fields(dict, steps=fields.whole(1, 9), kind=fields.one_of("a", "b"))
    for language, said in (("en", "must be a whole number from 1 to 9"), ("zh", "应为：1 到 9 之间的整数")):
        with in_language(language), pytest.raises(InputError, match=said):
            fields.checked({"steps": 0, "kind": "a"}, check, "config.json")
    with in_language("zh"), pytest.raises(InputError, match=r"config\.json：kind 不能是 3，应为：a, b 之一"):
        fields.checked({"steps": 1, "kind": 3}, check, "config.json")


def test_a_picture_is_captioned_in_a_language_whose_letters_there_are(monkeypatch):
    from zerone.player import letters

    with in_language("zh"):
        monkeypatch.setattr(letters, "chinese_font", lambda: None)
        with letters.in_the_language_of_pictures():
            assert translated("Esc: close") == "Esc: close"
        assert letters.font_for("第 1 回合") is None
        monkeypatch.setattr(letters, "chinese_font", lambda: "font.ttc")
        with letters.in_the_language_of_pictures():
            assert translated("Esc: close") == "Esc：关闭"
        assert letters.font_for("第 1 回合") == "font.ttc"
        assert letters.font_for("episode 1") is None
