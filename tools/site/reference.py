"""The API reference: the docstring of every public name of `import zerone as zo`. Each name must have one."""

from __future__ import annotations

import inspect
from pathlib import Path

GROUPS = {
    ("Train and act", "训练与行动"): ["train", "resume", "load", "Run", "Agent"],
    ("Compare and sweep", "比较与扫描"): ["compare", "Comparison", "sweep", "resume_sweep", "Sweep", "Range"],
    ("Environments and datasets", "环境与数据集"): ["make", "register", "record"],
    ("Callbacks", "回调"): ["Callback", "CallbackError"],
    ("Errors and their language", "错误与语言"): ["ZeroneError", "InputError", "RunError", "set_language"],
}
ABOUT = {
    ".md": (
        "API reference",
        "What `import zerone as zo` gives, made of the docstrings. Settings of the algorithms are on "
        "[their pages](algorithms.md).",
        "Algorithms",
    ),
    ".zh.md": (
        "API 参考",
        "`import zerone as zo` 提供的一切，由文档字符串生成，因此是英文。各算法的设置见[它们的页面](algorithms.md)。",
        "算法",
    ),
}


def write(out: Path) -> None:
    """Write `reference.md` and `reference.zh.md`.

    Raises:
        SystemExit: a public name has no docstring, or is in no group.
    """
    import zerone as zo

    algorithms = sorted(name for name in zo._PLACES if "algorithms" in zo._PLACES[name])
    named = {name for names in GROUPS.values() for name in names} | {*algorithms}
    if left := {*zo._PLACES} - named:
        raise SystemExit(f"in no group of the reference: {', '.join(sorted(left))}")
    undocumented = [name for name in zo._PLACES if not (inspect.getdoc(getattr(zo, name)) or "").strip()]
    if undocumented:
        raise SystemExit(f"without a docstring: {', '.join(undocumented)}")
    for number, (ending, (title, about, what)) in enumerate(ABOUT.items()):
        parts = [f"# {title}\n\n{about}\n"]
        for titles, names in {**GROUPS, (what, what): algorithms}.items():
            parts.append(f"## {titles[number]}\n")
            for name in names:
                members = "\n    options:\n      members: false" if name in algorithms else ""
                parts.append(f"::: {zo._PLACES[name]}.{name}{members}\n")
        (out / f"reference{ending}").write_text("\n".join(parts), "utf-8")
