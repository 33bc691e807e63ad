"""Build the documentation as pages, to be read from a folder: `python tools/build_site.py FOLDER`, with zerone[site].

The pages are those of docs/, README and CONTRIBUTING, in English (`x.md`) and Chinese (`x.zh.md`). Here they are put
together: a page for each algorithm, the source files that pages link to, the lessons, and the reference of `zerone`.
Nothing is asked of another host, neither now nor by the pages. A broken link, a page without its twin, or a public name
without a docstring ends the build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "site"))

import pages  # noqa: E402 - beside this file
import reference  # noqa: E402

SOURCES = ROOT / "build" / "site"
OTHER_HOST = re.compile(r"""(?:src|href)=["']?(?:https?:)?//[^"'\s>]+["']?[^>]*""")


def helped(folder: Path) -> None:
    """Let the search's helper for pages in a folder come from beside them: the theme would load it from elsewhere."""
    for page in folder.rglob("*.html"):
        up = "../" * (len(page.relative_to(folder).parts) - 1)
        text = page.read_text("utf-8", "replace")
        page.write_text(text.replace("https://unpkg.com/iframe-worker/shim", f"{up}iframe_worker.js"), "utf-8")


def sorted_by_language(folder: Path) -> None:
    """Let a page's search find pages in its own language: of a folder, the index is a script.

    The theme writes that script before the languages are put together, so it would have the last one alone.
    """
    place = folder / "search" / "search_index.js"
    text = place.with_suffix(".json").read_text("utf-8").strip()
    own = "document.documentElement.lang.startsWith('zh') === /^zh\\//.test(each.location)"
    place.write_text(f"var __index = {text}; __index.docs = __index.docs.filter((each) => {own});\n", "utf-8")


def requests(folder: Path) -> list[str]:
    """What the built pages would load from other hosts; links that a reader may follow are none of it."""
    found = []
    for page in folder.rglob("*.html"):
        text = page.read_text("utf-8", "replace")
        tags = re.findall(r"<(?:script|link|img|iframe|source|video)\b[^>]*>", text)
        found += [
            f"{page.relative_to(folder)}: {tag}" for tag in tags if OTHER_HOST.search(tag) and "canonical" not in tag
        ]
    for sheet in folder.rglob("*.css"):
        found += [
            f"{sheet.name}: {each}" for each in re.findall(r"url\(\s*[\"']?https?:[^)]*\)", sheet.read_text("utf-8"))
        ]
    return found


def main() -> int:
    """Put the pages together, build them strictly, and see that they ask nothing of others."""
    folder = (Path.cwd() / sys.argv[1]).resolve()
    shutil.rmtree(SOURCES, ignore_errors=True)
    made = pages.Pages(ROOT, SOURCES)
    made.write()
    reference.write(SOURCES)
    missing = pages.without_twin(SOURCES)
    if missing:
        print("without a translation:", ", ".join(missing), file=sys.stderr)
        return 1
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-q",
        "-f",
        str(ROOT / "mkdocs.yml"),
        "-d",
        str(folder),
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    if code := subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:  # noqa: S603
        return code
    helped(folder)
    sorted_by_language(folder)
    if found := requests(folder):
        print("\n".join(["pages ask something of another host:", *found[:10]]), file=sys.stderr)
        return 1
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6
    print(f"{folder / 'index.html'}: {len([*folder.rglob('*.html')])} pages, {size:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
