"""Make the pages of the site from those of the repository: split and combine them, and adapt their links."""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

import algorithm_pages
import lesson_pages
from room_graph import arcs

LANGUAGES = {"en": ".md", "zh": ".zh.md"}
FENCE = re.compile(r"^```.*?^```[^\n]*$", re.DOTALL | re.MULTILINE)
PUNCTUATION = re.compile("[\u3001-\u301f\uff01-\uff5e“”—…]")
"""Full-width punctuation."""
WIDE = re.compile(f"[\u4e00-\u9fff]|{PUNCTUATION.pattern}")
"""A Chinese character or full-width punctuation."""
FOLDERS = {
    "src/zerone/algorithms": "algorithms.md", "examples": "source/examples.md", "notebooks": "notebooks.md",
    "src/zerone/presets": "source/presets.md",
}  # fmt: skip
"""The pages of the site to which links to folders of the repository lead."""


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def joined_chinese_lines(text: str) -> str:
    """The page without the line breaks inside Chinese sentences, where a browser would show a space.

    A line is joined to the one before if that ends, and this begins, with a Chinese character or full-width
    punctuation; after punctuation, this may also begin with code. Code blocks, headings and tables stay as they are.
    """
    lines: list[str] = []
    in_code = False
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        in_code ^= fence
        before, begin = lines[-1] if lines else "", line.lstrip()[:1]
        inside_sentence = WIDE.match(before[-1:]) and (
            WIDE.match(begin) or (begin == "`" and not fence and PUNCTUATION.match(before[-1:]))
        )
        if inside_sentence and not in_code and not before.lstrip().startswith(("#", "|")):
            lines[-1] += line.lstrip()
        else:
            lines.append(line)
    return "\n".join(lines)


def headings(text: str) -> list[str]:
    """The headings of a page. Lines in code blocks that look like headings are left out."""
    return re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)


class Pages:
    """All pages of the site.

    `texts` has the Markdown of each page by its path relative to docs/ (with `.md` or `.zh.md`), and `sources` the
    files of the repository to which pages link. `root` is the repository, `out` the folder to write to.
    """

    def __init__(self, root: Path, out: Path) -> None:
        self.root, self.out = root, out
        self.texts: dict[str, str] = {}
        self.moved: dict[tuple[str, str], str] = {}
        """The page on which an anchor of the page `algorithms` is now, by (ending, anchor)."""
        self.sources: set[str] = set()

    def write(self) -> None:
        """Make all pages and write them to `out`.

        Raises:
            SystemExit: a page links to a file that does not exist.
        """
        for page in sorted((self.root / "docs").rglob("*.md")):
            self.texts[page.relative_to(self.root / "docs").as_posix()] = page.read_text("utf-8")
        for ending in LANGUAGES.values():
            self.texts[f"index{ending}"] = self._front(f"README{ending}")
            self._split(ending)
            self.texts[f"lessons{ending}"] = lesson_pages.page(ending, self.out)
        contributing = (self.root / "CONTRIBUTING.md").read_text("utf-8")
        self.texts["contributing.md"] = re.sub(r"\]\((?!https?:|#)", "](../", contributing)
        shutil.copytree(self.root / "docs" / "pictures", self.out / "pictures")
        for place, text in list(self.texts.items()):
            linked = self._linked(place, text)
            self._keep(place, joined_chinese_lines(linked) if place.endswith(".zh.md") else linked)
        for source in sorted(self.sources):
            self._keep(f"source/{source}.md", self._source([source]))
        examples = sorted(each.relative_to(self.root).as_posix() for each in (self.root / "examples").glob("*.py"))
        presets = sorted(
            each.relative_to(self.root).as_posix() for each in (self.root / "src/zerone/presets").glob("*.toml")
        )
        self._keep("source/examples.md", self._source(examples))
        self._keep("source/presets.md", self._source(presets))
        for name in ("style.css", "iframe_worker.js", "lesson_theme.js"):
            shutil.copy(Path(__file__).with_name(name), self.out)

    def _keep(self, place: str, text: str) -> None:
        file = self.out / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def _front(self, name: str) -> str:
        """README as the first page, with links relative to docs/ instead of the root."""
        text = (self.root / name).read_text("utf-8")
        return re.sub(r"\]\((?!https?:|#|docs/)", "](../", text).replace("](docs/", "](")

    def _split(self, ending: str) -> None:
        """Split the page `algorithms` into a page per algorithm. It keeps its introduction and gets a list of links."""
        name = f"algorithms{ending}"
        parts = re.split(r"^## (?=[a-z0-9-]+$)", self.texts[name], flags=re.MULTILINE)
        rest, names = parts[0], []
        for part in parts[1:]:
            algorithm, _, text = part.partition("\n")
            names.append(algorithm)
            for heading in [algorithm, *headings(text)]:
                self.moved[ending, slug(heading)] = f"algorithms/{algorithm}"
            whole = algorithm_pages.whole(self.root, algorithm, text, ending, self.texts)
            self.texts[f"algorithms/{algorithm}{ending}"] = re.sub(
                r"\]\((?!https?:|#)([^)\s]+)\)", lambda found: f"](../{found[1]})", whole
            )
        listed = "\n".join(f"- [{each}](algorithms/{each}{ending})" for each in names)
        self.texts[name] = f"{rest}\n## {'Pages' if ending == '.md' else '各个算法'}\n\n{listed}\n"

    def _linked(self, place: str, text: str) -> str:
        """The page with links that work on the site, and with pictures instead of Mermaid graphs.

        The language switch and the table of contents at the top are removed: the theme has its own.
        """
        ending = ".zh.md" if place.endswith(".zh.md") else ".md"
        text = re.sub(
            r"^(?:\*\*English\*\* · )?\[(?:中文|English)\]\([^)]*\)(?: · \*\*中文\*\*)?\n\n",
            "",
            text,
            count=1,
            flags=re.MULTILINE,
        )
        text = re.sub(
            r"^- \[[^\]]*\]\(#[^)]*\)\n(?:- \[[^\]]*\]\(#[^)]*\)\n)+\n", "", text, count=1, flags=re.MULTILINE
        )
        text = re.sub(r"```mermaid\n(.*?)```", lambda found: arcs(found[1]), text, flags=re.DOTALL)
        folder = posixpath.dirname(place)

        def link(found: re.Match[str]) -> str:
            target, _, anchor = found[1].partition("#")
            if target.startswith(("http:", "https:", "mailto:")):
                return found[0]
            there = posixpath.normpath(posixpath.join(folder, target)) if target else place
            if there.startswith("../"):
                there = self._outside(there[3:], ending)
                anchor = ""
            inside = place.startswith("algorithms/") and not target
            if (there == f"algorithms{ending}" or inside) and (ending, anchor) in self.moved:
                there = f"{self.moved[ending, anchor]}{ending}"
                anchor = "" if there.rpartition("/")[2] == f"{anchor}{ending}" else anchor
            elif inside:
                there = f"algorithms{ending}"
            there = there.replace(".zh.md", ".md")
            mark = f"#{anchor}" if anchor else ""
            if there == place.replace(".zh.md", ".md") and mark:
                return f"]({mark})"
            return f"]({posixpath.relpath(there, folder or '.')}{mark})"

        pieces = re.split(r"(^```.*?^```[^\n]*$)", text, flags=re.DOTALL | re.MULTILINE)
        return "".join(
            piece if piece.startswith("```") else re.sub(r"\]\(([^)\s]+)\)", link, piece) for piece in pieces
        )

    def _outside(self, there: str, ending: str) -> str:
        """The page of the site to which a link to a file or folder of the repository leads.

        Raises:
            SystemExit: there is no such file.
        """
        if there in FOLDERS:
            return FOLDERS[there].replace(".md", ending) if not FOLDERS[there].startswith("source/") else FOLDERS[there]
        if there in ("README.md", "README.zh.md"):
            return f"index{ending}"
        if there == "CONTRIBUTING.md":
            return "contributing.md"
        if there.startswith("docs/"):
            return there.removeprefix("docs/")
        if not (self.root / there).is_file():
            raise SystemExit(f"a page links to {there}, which is not there")
        self.sources.add(there)
        return f"source/{there}.md"

    def _source(self, files: list[str]) -> str:
        """A page with files of the repository as code blocks, excluded from the search."""
        parts = [
            "---\nsearch:\n  exclude: true\n---\n",
            f"# {files[0] if len(files) == 1 else files[0].rpartition('/')[0]}\n",
        ]
        for file in files:
            kind = {"py": "python", "toml": "toml", "js": "javascript"}.get(file.rpartition(".")[2], "text")
            code = (self.root / file).read_text("utf-8").replace("```", "'''")
            parts.append((f"## {file.rpartition('/')[2]}\n\n" if len(files) > 1 else "") + f"```{kind}\n{code}```\n")
        return "\n".join(parts)


def untranslated(folder: Path) -> list[str]:
    """The pages without a Chinese version. Source files and contributing.md do not need one."""
    here = {each.relative_to(folder).as_posix() for each in folder.rglob("*.md")}
    needed = {each for each in here if not each.endswith(".zh.md") and not each.startswith("source/")} - {
        "contributing.md"
    }
    return sorted(each for each in needed if each.replace(".md", ".zh.md") not in here)
