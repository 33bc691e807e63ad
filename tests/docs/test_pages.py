"""Links have a target, every page has a Chinese version with the same structure, and named files exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from zerone.algorithms import catalogue as algorithms
from zerone.environments import catalogue as environments
from zerone.training.presets import preset, tables_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = [str(each.relative_to(ROOT)) for each in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]]
TWINS = [name for name in PAGES if name.endswith(".zh.md")]


def anchors(text):
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_what_is_there(name, page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / name).parent / path if path else ROOT / name
        assert place.exists(), target
        assert not anchor or anchor in anchors(place.read_text("utf-8")), target


@pytest.mark.parametrize("name", PAGES)
def test_what_make_is_asked_for_are_its_targets(name, page):
    targets = set(re.findall(r"^(\w+):", page("Makefile"), re.MULTILINE))
    asked = set(re.findall(r"(?:^|`)make ([a-z]+)", page(name), re.MULTILINE))
    assert asked <= targets


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_exist(name, page):
    for file in re.findall(r"`((?:src|tests|tools|docs|benchmarks|examples)/[\w./-]+)`", page(name)):
        if "your" not in file and "ALGORITHM" not in file:
            assert (ROOT / file).exists(), file
    rooms = "|".join(each.name for each in (ROOT / "src" / "zerone").iterdir() if each.is_dir())
    for file in re.findall(rf"`((?:{rooms})/\w+\.py)", page(name)):
        assert (ROOT / "src" / "zerone" / file).exists(), file


def shape(text):
    """What must be equal in both languages: heading levels, code without comments, names in tables, pictures."""
    code = [re.sub(r" *#.*", "", block) for block in re.findall(r"^```.*?^```", text, re.DOTALL | re.MULTILINE)]
    names = re.findall(r"^\| (`[^`|]*`)", text, re.MULTILINE)
    return {
        "headings": re.findall(r"^#+ ", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE),
        "code": code,
        "names": names,
        "pictures": re.findall(r"!\[.*?\]\((.*?)\)", text),
        "rows": len(re.findall(r"^\|", text, re.MULTILINE)),
    }


def prose(text):
    """A page without code, names, addresses and generated settings."""
    text = re.sub(r"^```.*?^```|<!-- settings.*?<!-- /settings -->", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "", text)


@pytest.mark.parametrize("name", TWINS)
def test_chinese_pages_are_twins(name, page):
    assert shape(page(name)) == shape(page(name.replace(".zh.md", ".md")))


@pytest.mark.parametrize("name", TWINS)
def test_chinese_pages_are_chinese(name, page):
    """The ratio of Chinese characters to English words is that of a real translation: between 1.35 and 1.6."""
    words = re.findall(r"[A-Za-z]{2,}", prose(page(name.replace(".zh.md", ".md"))))
    assert len(re.findall(r"[\u4e00-\u9fff]", prose(page(name)))) > 1.2 * len(words)


@pytest.mark.parametrize("ending", [".md", ".zh.md"])
def test_the_tables_list_what_there_is(ending, page):
    text = page(f"README{ending}") + page(f"docs/catalogue{ending}")
    listed = dict(re.findall(r"^\| `([\w/-]+)` \|(.*)\|$", text, re.MULTILINE))
    for algorithm in algorithms.entries():
        assert algorithm.name in listed
        assert algorithm.paper in listed[algorithm.name]
    for environment in environments.entries():
        cells = [cell.strip() for cell in listed[environment.id].split("|")]
        level = "-" if environment.solved_at is None else f"{environment.solved_at:g}"
        assert cells[1] == level, environment.id
        tuned = [each.name for each in algorithms.entries() if preset(each.name, environment.id)]
        assert re.split("[、, ]+", cells[2]) == (tuned or [""]), environment.id


@pytest.mark.parametrize("ending", [".md", ".zh.md"])
def test_the_presets_of_others_environments_are_listed(ending, page):
    text = page(f"docs/catalogue{ending}")
    for algorithm in algorithms.entries():
        for environment, tuned in tables_of(algorithm.name).items():
            if environments.ours(environment) is None:
                row = f"| `{algorithm.name}` `{environment}` |"
                (line,) = (line for line in text.splitlines() if line.startswith(row))
                assert f"| {tuned['steps']:,} |" in line


@pytest.mark.parametrize("name", PAGES)
def test_nothing_of_the_machine_it_was_written_on(name, page):
    assert not re.search(r"/(work|tmp|root|home)/", page(name))


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "pictures").iterdir():
        assert picture.stat().st_size <= (300_000 if picture.suffix == ".gif" else 200_000), picture.name


def test_the_diagrams_are_as_drawn():
    drawn = runpy.run_path(str(ROOT / "tools" / "draw_diagrams.py"))
    pictures = ROOT / "docs" / "pictures"
    assert (pictures / "map.svg").read_text("utf-8") == drawn["field"]()
    for entry in algorithms.entries():
        about = drawn["FLOWS"][entry.name]
        assert (pictures / "diagrams" / f"{entry.name}.svg").read_text("utf-8") == drawn["flow"](entry.name, about)


def test_the_notebooks_are_made_of_their_pages():
    made = runpy.run_path(str(ROOT / "tools" / "notebooks.py"))
    pages = made["pages"]()
    assert len(pages) == 2 * 5
    assert {made["place"](each) for each in pages} == {*(ROOT / "notebooks").glob("*.ipynb")}
    for each in pages:
        text = made["place"](each).read_text("utf-8")
        assert text == made["notebook"](each.read_text("utf-8")), f"{each.name}: python tools/notebooks.py"


@pytest.mark.parametrize("ending", [".md", ".zh.md"])
def test_every_file_stands_in_the_row_of_its_room(ending, page):
    text, source = page(f"docs/architecture{ending}"), ROOT / "src" / "zerone"
    for room in [each for each in source.iterdir() if each.is_dir() and any(each.glob("*.py"))]:
        (row,) = re.findall(rf"^\| `{room.name}/` \|(.*)\|$", text, re.MULTILINE)
        named = set(re.findall(r"`(\w+/?)`", row))
        files = {each.stem for each in room.glob("*.py")} - {"__init__"}
        files -= {each for each in files if each.endswith("_explanation")}  # there is one per kind of update
        assert files <= named, room.name
        assert {each for each in named if not each.endswith("/")} <= {each.stem for each in room.rglob("*.py")} | {
            each.stem for each in room.rglob("*.json")
        }, room.name
