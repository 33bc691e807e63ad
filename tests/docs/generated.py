"""The parts of the documentation that are generated from the code.

python tests/docs/generated.py    writes them into the pages; `test_generated.py` checks that they are up to date
"""

from __future__ import annotations

import functools
import io
import json
import math
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def graph() -> str:
    """The import graph of the rooms from the checker, without counts, which any new import would change."""
    command = [sys.executable, str(ROOT / "tools" / "check_imports.py"), "--graph"]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.search(r"```mermaid\n.*?```", drawn, re.DOTALL)
    assert found is not None, drawn
    return re.sub(r"\|\d+\|", "", found[0])


HEADS = {"en": "| Setting | Default | Allowed | What it is |", "zh": "| 设置 | 默认值 | 允许的值 | 说明 |"}


def settings(algorithm: str, language: str) -> str:
    """The table of an algorithm's settings, with the texts of the command in that language."""
    from zerone.algorithms import catalogue
    from zerone.base.language import in_language, translated
    from zerone.cli.settings import settings_of

    lines = [HEADS[language], "|---|---|---|---|"]
    with in_language(language):
        for each in settings_of(catalogue.look_up(algorithm).make):
            default: Any = ("on" if each.default else "off") if each.is_flag else each.typed_default()
            allowed = "on, off" if each.is_flag else each.describe()
            text = translated(each.allowed.text).replace("|", "\\|")
            lines.append(f"| `{each.name}` | {default} | {allowed} | {text} |")
    return "\n".join(lines)


@functools.cache
def step(words: str) -> str:
    """The output of `zerone step`. The arguments are algorithm, environment, number of steps, and settings."""
    from zerone.cli.algorithm_command import ParsedArguments
    from zerone.cli.step import stepped
    from zerone.player.step_terminal import printed

    algorithm, environment, at, *typed = words.split()
    given = [each.partition("=") for each in typed]  # without `--`, which may end an HTML comment
    flagged = tuple((f"--{option}", value if sign else None) for option, sign, value in given)
    walk = stepped(ParsedArguments(algorithm, environment, flagged), None, ())
    walk.begin_at(int(at))
    out = io.StringIO()
    printed(walk, 1, out, legend=False)
    chosen = [f"{option} {value or ''}".strip() for option, value in flagged]
    command = " ".join(["zerone step", algorithm, environment, *chosen, f"--at {at} --steps 1"])
    return f"```console\n$ {command}\n{out.getvalue().strip()}\n```"


@functools.cache
def worked(name: str) -> str:
    """A worked example, computed by the library."""
    lines = runpy.run_path(str(Path(__file__).with_name("worked.py")))["EXAMPLES"][name]()
    return "\n".join(["```text", *lines, "```"])


def learns_a_table(words: str) -> bool:
    """Whether the algorithm of a step is tabular: then its numbers are the same on every machine."""
    from zerone.algorithms import catalogue

    made: Any = catalogue.look_up(words.split()[0]).make
    return made.samples_per_step == 0


NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def alike(old: str, new: str) -> bool:
    """Whether two texts differ at most in the last digits of their numbers, and in spaces and bars because of them."""
    olds, news = ([float(each.replace(",", "")) for each in NUMBER.findall(text)] for text in (old, new))
    plain = [re.sub(r"[\s█-]+", " ", NUMBER.sub("0", text)) for text in (old, new)]
    return plain[0] == plain[1] and all(
        math.isclose(one, other, rel_tol=1e-2, abs_tol=1e-4) for one, other in zip(olds, news, strict=True)
    )


def filled(page: Path, text: str) -> str:
    """The text of a page with the generated parts between its markers replaced by new ones."""
    language = "zh" if page.name.endswith(".zh.md") else "en"

    def between(found: re.Match[str]) -> str:
        kind, _, name = found["what"].partition(" ")
        makers = {"graph": lambda _: graph(), "step": step, "worked": worked}
        made = makers[kind](name) if kind in makers else settings(name, language)
        if kind == "step" and not learns_a_table(name) and alike(found["old"].strip(), made):
            made = found["old"].strip()  # another processor may round differently
        return f"<!-- {found['what']} -->\n{made}\n<!-- /{kind} -->"

    return re.sub(
        r"<!-- (?P<what>graph|worked \w+|settings [\w-]+|step [\w/ .=-]+?) -->\n(?P<old>.*?)<!-- /\w+ -->",
        between,
        text,
        flags=re.DOTALL,
    )


MEASURED = ROOT / "src" / "zerone" / "lessons" / "measured.json"


def measured() -> str:
    """The results pages' statements on each experiment that a lesson names, in the format of the package's file."""
    chapters = [tomllib.loads(each.read_text("utf-8")) for each in MEASURED.with_name("chapters").glob("*.toml")]
    wanted = {each["experiment"] for each in chapters} - {""}
    both = [_results(ROOT / "docs" / name) for name in ("results.md", "results.zh.md")]
    found = {
        name: {part: {"en": both[0][name][part], "zh": both[1][name][part]} for part in ("claim", "verdict", "teaches")}
        | {"found": [{"en": en, "zh": zh} for en, zh in zip(*(each[name]["found"] for each in both), strict=True)]}
        for name in sorted(wanted)
    }
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _results(page: Path) -> dict[str, dict[str, Any]]:
    """The sections of a results page by experiment: claim, verdict, findings, and what it teaches."""
    found = {}
    for section in page.read_text("utf-8").split("\n## ")[1:]:
        name = re.search(r"^zerone experiment (\S+)$", section, re.MULTILINE)
        claim = re.search(r"^\*(?:Claim|主张)\*.*?[)）][:：] ?(.*)$", section, re.MULTILINE)
        verdict = re.search(r"^\*\*(.*?)[.。]\*\*\n\n(.*?)\n\n(.*?)\n\n```sh", section, re.DOTALL | re.MULTILINE)
        assert name is not None
        assert claim is not None
        assert verdict is not None
        lines = [each.removeprefix("- ") for each in verdict[2].split("\n")]
        found[name[1]] = {"claim": claim[1], "verdict": verdict[1].lower(), "found": lines, "teaches": verdict[3]}
    return found


def pages() -> list[Path]:
    """All pages with a generated part."""
    marked = re.compile(r"<!-- (graph|settings|step|worked) ?")
    return [page for page in sorted((ROOT / "docs").glob("*.md")) if marked.search(page.read_text("utf-8"))]


if __name__ == "__main__":
    for page in pages():
        page.write_text(filled(page, page.read_text("utf-8")), "utf-8")
    MEASURED.write_text(measured(), "utf-8")
