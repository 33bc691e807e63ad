"""Build the documentation site, which can be opened from a folder: `python tools/build_site.py FOLDER` (zerone[site]).

The sources are docs/, README and CONTRIBUTING, in English (`x.md`) and Chinese (`x.zh.md`). The script adds a page for
each algorithm, the source files that pages link to, the lessons, and the API reference of `zerone`. Neither the build
nor the finished pages request anything from another host. The build fails on a broken link, a page without a
translation, or a public name without a docstring.
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


def use_local_search_script(folder: Path) -> None:
    """Make the pages load the script that searches without a server from this folder; the theme uses unpkg.com."""
    for page in folder.rglob("*.html"):
        up = "../" * (len(page.relative_to(folder).parts) - 1)
        text = page.read_text("utf-8", "replace")
        page.write_text(text.replace("https://unpkg.com/iframe-worker/shim", f"{up}iframe_worker.js"), "utf-8")


def split_search_by_language(folder: Path) -> None:
    """Make the search find only pages in the reader's language.

    Without a server, the search index is loaded as a script. The theme writes that script before the indices of the
    languages are merged, so it would contain only the last language. It is written again here, from the merged index.
    """
    place = folder / "search" / "search_index.js"
    text = place.with_suffix(".json").read_text("utf-8").strip()
    own = "document.documentElement.lang.startsWith('zh') === /^zh\\//.test(each.location)"
    place.write_text(f"var __index = {text}; __index.docs = __index.docs.filter((each) => {own});\n", "utf-8")


def external_resources(folder: Path) -> list[str]:
    """The resources that the built pages would load from other hosts. Links for the reader do not count."""
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
    """Collect the pages, build the site in strict mode, and check that it needs no other host."""
    folder = (Path.cwd() / sys.argv[1]).resolve()
    shutil.rmtree(SOURCES, ignore_errors=True)
    made = pages.Pages(ROOT, SOURCES)
    made.write()
    reference.write(SOURCES)
    missing = pages.untranslated(SOURCES)
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
    use_local_search_script(folder)
    split_search_by_language(folder)
    if found := external_resources(folder):
        print("\n".join(["pages load resources from another host:", *found[:10]]), file=sys.stderr)
        return 1
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6
    print(f"{folder / 'index.html'}: {len([*folder.rglob('*.html')])} pages, {size:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
