"""The results page, in English and Chinese, made from what all experiments came to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from zerone.base.errors import InputError, RunError
from zerone.experiments.protocol import Text
from zerone.experiments.verdict import WORDS
from zerone.runs.checkpoint import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zerone.experiments.verdict import Verdict

PICTURES = "pictures/results"

HEAD = Text(
    """# Results

[中文](results.zh.md)

Zerone grew from a tutorial in Chinese, reinforcement learning from 0 to 1, which draws one curve of one seed and
says: this one is better. Here each of its claims (the lines are that text's), and some of the papers', is measured
with many seeds. The rule that decides was fixed beforehand, in the experiment's own file: a range in which the
effect must lie. Where its whole 95% bootstrap interval over seeds lies in the range, the claim is *confirmed*; where
all of it lies outside, *refuted*; else *undecided*. A claim with several parts is confirmed if each is, and refuted
if any is. This page is written by `zerone experiment --all --report`. On the same machine it comes out the same again;
another kind of processor rounds differently, so that some numbers differ there, as they would with other seeds.
""",
    """# 结果

[English](results.md)

Zerone 由一份从 0 到 1 的强化学习教程生长而来；教程画出一个种子的一条曲线，就说：这个更好。这里把它的每一条主张
（行号指那份教程），以及论文里的几条，都用许多种子测过。判定的标准事先写在实验自己的文件里：效应必须落在的一个范围。
种子间的 95% 自助法区间整个落在范围内，主张就被*证实*；整个落在范围外，就被*推翻*；否则*未决*。
由几部分组成的主张，每一部分都证实才算证实，有一部分推翻就算推翻。本页由 `zerone experiment --all --report` 写成。
在同一台机器上再跑一次，结果相同；换一种处理器，舍入不同，有些数字也会不同，就像换了种子一样。
""",
)
COLUMNS = Text("| Experiment | Claim | By | Verdict |", "| 实验 | 主张 | 出处 | 判定 |")


def require_docs(root: Path) -> None:
    """Raise `InputError` unless `root` is a folder with `docs` in it."""
    if not (root / "docs").is_dir():
        raise InputError("--report is not allowed here: it writes into docs, and there is none in this folder")


def write(root: Path, verdicts: Sequence[Verdict], out: Path) -> list[Path]:
    """Write both pages and their pictures into `root`/docs; where they are. The figures are taken from `out`.

    Raises:
        RunError: a file cannot be written.
    """
    pictures = root / "docs" / PICTURES
    try:
        pictures.mkdir(parents=True, exist_ok=True)
        for each in verdicts:
            name = each.experiment.name
            with replacing(pictures / f"{name}.png") as file, (out / name / "figure.png").open("rb") as figure:
                shutil.copyfileobj(figure, file)
    except OSError as error:
        raise RunError(f"{pictures}: cannot be written: {error.strerror or error}") from error
    pages = {root / "docs" / "results.md": english, root / "docs" / "results.zh.md": chinese}
    for path, choose in pages.items():
        with replacing(path) as file:
            file.write(page(verdicts, choose).encode())
    return list(pages)


def english(text: Text) -> str:
    """The English of a text."""
    return text.en


def chinese(text: Text) -> str:
    """The Chinese of a text."""
    return text.zh


def page(verdicts: Sequence[Verdict], choose: Callable[[Text], str]) -> str:
    """The whole page in one language."""
    rows = [choose(COLUMNS), "|---|---|---|---|"]
    for each in verdicts:
        name, title = each.experiment.name, choose(each.experiment.title)
        word = choose(WORDS[each.word])
        rows.append(f"| `{name}` | [{title}](#{anchor(title)}) | {source(each, choose)} | {word} |")
    return "\n".join([choose(HEAD), *rows, "", *(section(each, choose) for each in verdicts)])


def section(verdict: Verdict, choose: Callable[[Text], str]) -> str:
    """What is said of one experiment."""
    experiment = verdict.experiment
    title = choose(experiment.title)
    claim = choose(Text("*Claim* ({}): ", "*主张*（{}）：")).format(source(verdict, choose))
    stop = choose(Text(".", "。"))
    answers = "\n".join(f"- {choose(each.sentence(verdict.seeds))}{stop}" for each in verdict.answers)
    return f"""## {title}

{claim}{choose(experiment.claim)}

{choose(verdict.told(experiment.setup))}

![{title}]({PICTURES}/{experiment.name}.png)

**{choose(WORDS[verdict.word]).capitalize()}{stop}**

{answers}

{choose(verdict.told(experiment.teaches))}

```sh
zerone experiment {experiment.name}
```
"""


def source(verdict: Verdict, choose: Callable[[Text], str]) -> str:
    """Who claims it."""
    told = verdict.experiment.source
    return told if choose is english else told.replace("tutorial, lines", "教程，行").replace("section", "节")


def anchor(title: str) -> str:
    """GitHub's anchor of a heading."""
    kept = "".join(each for each in title.lower() if each.isalnum() or each in "_- ")
    return kept.replace(" ", "-")
