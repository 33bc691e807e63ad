"""The results page in English and Chinese, generated from the verdicts of all experiments."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from zerone.base.errors import InputError, RunError
from zerone.base.files import replacing
from zerone.base.language import translated
from zerone.experiments.protocol import Text
from zerone.experiments.verdict import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zerone.experiments.verdict import Verdict

PICTURES = "pictures/results"

HEAD = Text(
    """# Results

[中文](results.zh.md)

Zerone grew from a tutorial in Chinese, reinforcement learning from 0 to 1, which draws one curve of one seed and
says: this one is better. This page tests each of its claims, and some claims of papers, with many seeds. Each
experiment's file fixes the rule before the first run: a range in which the effect must lie. If the whole 95% interval
over seeds lies in the range, the claim is *confirmed*; if all of it lies outside, *refuted*; otherwise *undecided*. A
claim with several parts is confirmed if each part is, and refuted if any part is. A question that was added after a
first run is answered as well, but does not count. `zerone experiment --all --report` writes this page. The same machine
gives the same numbers; another kind of processor rounds differently, so some numbers differ there, as they would
with other seeds.
""",
    """# 结果

[English](results.md)

Zerone 源自一份“从 0 到 1”的中文强化学习教程。教程只画一个种子的一条曲线，就说：这个更好。本页用许多随机种子检验它的
每一条主张，以及论文里的几条。判定标准在第一次运行之前就写进了实验自己的文件：效应必须落入的一个范围。如果种子间的 95%
区间整个落在范围内，主张就被*证实*；整个落在范围外，就被*推翻*；否则*未决*。由几部分组成的主张，每部分都证实才算证实，
有一部分被推翻就算推翻。第一次运行之后才补充的问题也会回答，但不计入判定。本页由 `zerone experiment --all --report`
生成。在同一台机器上重跑，结果相同；换一种处理器，舍入不同，有些数字也会不同，就像换了种子一样。
""",
)
COLUMNS = Text("| Experiment | Claim | By | Verdict |", "| 实验 | 主张 | 出处 | 判定 |")


def require_docs(root: Path) -> None:
    """Raise `InputError` unless the folder `root` contains a folder `docs`."""
    if not (root / "docs").is_dir():
        raise InputError(
            translated("--report is not allowed here: it writes into docs, and there is none in this folder")
        )


def write(root: Path, verdicts: Sequence[Verdict], out: Path) -> list[Path]:
    """Write both pages and their pictures into `root`/docs, with the figures from `out`.

    Returns:
        The paths of the pages.

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
        raise RunError(
            translated("{pictures}: cannot be written: {error}", pictures=pictures, error=error.strerror or error)
        ) from error
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
        rows.append(f"| `{name}` | [{title}](#{anchor(title)}) | {choose(each.experiment.source)} | {word} |")
    return "\n".join([choose(HEAD), *rows, "", *(section(each, choose) for each in verdicts)])


def section(verdict: Verdict, choose: Callable[[Text], str]) -> str:
    """The section of one experiment."""
    experiment = verdict.experiment
    title = choose(experiment.title)
    claim = choose(Text("*Claim* ({}): ", "*主张*（{}）：")).format(choose(experiment.source))
    stop = choose(Text(".", "。"))
    answers = "\n".join(f"- {choose(each.sentence(verdict.seeds))}{stop}" for each in verdict.answers)
    return f"""## {title}

{claim}{choose(experiment.claim)}

{choose(verdict.with_facts(experiment.setup))}

![{title}]({PICTURES}/{experiment.name}.png)

{choose(Text("*Look at*", "*看图*"))}{choose(Text(": ", "："))}{choose(verdict.with_facts(experiment.look))}

**{choose(WORDS[verdict.word]).capitalize()}{stop}**

{answers}

{choose(verdict.with_facts(experiment.teaches))}

```sh
zerone experiment {experiment.name}
```
"""


def anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = "".join(each for each in title.lower() if each.isalnum() or each in "_- ")
    return kept.replace(" ", "-")
