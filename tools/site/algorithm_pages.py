"""The page of an algorithm: description, pseudocode beside the code, a step with numbers, figures and metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FIGURES = {
    "q-learning": ["caution", "eyesight"], "sarsa": ["caution"], "sarsa-lambda": ["traces"], "dyna-q": ["planning"],
    "monte-carlo": ["random-walk"],
    "dqn": ["overestimation", "priorities", "dueling", "corridor"], "reinforce": ["praise", "moving-reward"],
    "actor-critic": ["one-step"],
    "ppo": ["clipping"], "a3c": ["workers"], "dppo": ["workers"], "ddpg": ["replay-and-targets"],
}  # fmt: skip
"""The figures of the results page that each algorithm's page shows."""
WORDS = {
    ".md": {
        "code": "Pseudocode and code",
        "about": "The docstring of the file is on the left, and the code that follows it on the right.",
        "numbers": "A step with its numbers", "worked": "More to check by hand: [worked examples](worked-examples.md).",
        "figure": "Experiments with it", "verdict": "The claims, rules and verdicts: [results](results.md).",
        "metrics": "Metrics", "whole": "The whole file",
    },
    ".zh.md": {
        "code": "伪代码与代码", "about": "左边是文件的开头，右边是接下来的代码。",
        "numbers": "代入数字的一步", "worked": "更多可以手算核对的例子见[算例](worked-examples.zh.md)。",
        "figure": "用它发现了什么", "verdict": "各条主张、判定标准和判定见[结果](results.zh.md)。",
        "metrics": "测量什么", "whole": "整个文件",
    },
}  # fmt: skip


def whole(root: Path, name: str, section: str, ending: str, texts: dict[str, str]) -> str:
    """The Markdown of an algorithm's page, with links relative to docs/.

    `section` is its section of docs/algorithms, `ending` says the language, and `texts` are all pages by file name.
    """
    words = WORDS[ending]
    file = f"src/zerone/algorithms/{name.replace('-', '_')}.py"
    docstring, code = parts_of((root / file).read_text("utf-8"))
    parts = [f"# {name}\n\n{idea(texts[f'index{ending}'], name)}\n\n{section.strip()}\n"]
    parts.append(
        f"## {words['code']}\n\n{words['about']} [{words['whole']}](../{file})\n\n"
        f'<div class="beside" markdown>\n\n```text\n{docstring}\n```\n\n```python\n{code}\n```\n\n</div>\n'
    )
    steps = re.findall(
        rf"^```console\n\$ zerone step {name} .*?^```", texts[f"learning{ending}"], re.DOTALL | re.MULTILINE
    )
    if steps:
        parts.append("\n\n".join([f"## {words['numbers']}", *steps, words["worked"]]) + "\n")
    if name in FIGURES:
        pictures = [f"![{each}](pictures/results/{each}.png)" for each in FIGURES[name]]
        parts.append("\n\n".join([f"## {words['figure']}", *pictures, words["verdict"]]) + "\n")
    metrics = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", texts[f"metrics{ending}"], re.DOTALL | re.MULTILINE)
    if metrics:
        parts.append(f"## {words['metrics']}\n{metrics[1]}")
    return "\n".join(parts)


def idea(readme: str, name: str) -> str:
    """The short description of an algorithm from the table in README, in bold."""
    found = re.search(rf"^\| `{name}` \| ([^|]*) \|", readme, re.MULTILINE)
    assert found is not None, name  # noqa: S101 - a test checks that README has every algorithm
    text = found[1]
    return f"**{text[:1].upper()}{text[1:]}.**" if text.isascii() else f"**{text}。**"


def parts_of(text: str) -> tuple[str, str]:
    """A module's docstring, and the methods of its largest class (without the fields, which are the settings)."""
    tree = ast.parse(text)
    classes = [each for each in tree.body if isinstance(each, ast.ClassDef) and any(
        isinstance(inner, ast.FunctionDef) for inner in each.body)]  # fmt: skip
    chosen = max(classes, key=lambda each: len(each.body))
    lines = text.splitlines()
    functions = []
    for each in chosen.body:
        if isinstance(each, ast.FunctionDef):
            first = min([each.lineno, *(decorator.lineno for decorator in each.decorator_list)]) - 1
            functions.append("\n".join(line[4:] for line in lines[first : each.end_lineno]))
    return (ast.get_docstring(tree) or "").strip(), "\n\n".join(functions)
