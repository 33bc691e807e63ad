"""A single HTML file without a server, made of the page's own modules: a run with films, curves and checkpoints.

The modules are bundled into one script, each as a function that returns the module's exports. The file's content
security policy allows only this script, by its hash, and no connections.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from zerone.base.errors import InputError
from zerone.base.language import translated
from zerone.lab import assets
from zerone.lab.run_curves import curves_of
from zerone.lab.run_policies import RunPolicies, checkpoints
from zerone.training.folder import RunFolder

START = "saved"
"""The entry module of the file."""
STYLES = ("base", "page", "parts")
MOST_CHECKPOINTS, MOST_FRAMES = 12, 120
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORTED = re.compile(r"^export (class|function|const|async function) (\w+)", re.MULTILINE)
_LISTED = re.compile(r"^export \{([^}]*)\};\n?", re.MULTILINE)


def page_of(path: str | Path, seed: int | None = None) -> str:
    """The HTML file of a run, with the policies of `seed` (by default, the first seed).

    Raises:
        InputError: there is no run, or it cannot be drawn.
    """
    folder = RunFolder.open(path)
    return whole(data_of(folder, folder.config["seeds"][0] if seed is None else seed))


def data_of(folder: RunFolder, seed: int) -> dict[str, Any]:
    """The data of the file: films of some checkpoints, curves, and the set-up.

    Raises:
        InputError: the run cannot be drawn, that seed was not trained, or no checkpoint can be read.
    """
    config = folder.config
    if seed not in config["seeds"]:
        raise InputError(translated("{path}: seed {seed} was not trained", path=folder.path, seed=seed))
    played = RunPolicies(folder)
    films: dict[str, Any] = {}
    wrong = ""
    for which in _evenly_chosen(checkpoints(folder)):
        try:
            films[which] = played.film(seed, which, MOST_FRAMES)
        except InputError as error:
            wrong = str(error)
    if not films:
        raise InputError(wrong)
    return {
        "name": folder.path.name,
        "picture": played.about(),
        "setup": played.setup.as_json(),
        "seed": seed,
        "config": {"steps": config["steps"], "seeds": config["seeds"], "solvedAt": config["solved_at"]},
        "checkpoints": list(films),
        "films": films,
        "wrong": wrong,
        **curves_of(folder),
    }


def whole(data: dict[str, Any], start: str = START, language: str = "en") -> str:
    """The HTML file that shows `data` with the entry module `start`; its title is `data["name"]`."""
    files = assets.files()
    styles = "\n".join(files[f"css/{name}.css"][0].decode() for name in STYLES)
    program = script(start)
    # The data may contain arbitrary names, which must not close the script element.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    allowed = " ".join(f"'sha256-{_digest(each)}'" for each in (program,))
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(data['name'])} - Zerone</title>\n<style>\n{styles}</style>\n</head>\n"
        '<body class="saved">\n<main id="main" tabindex="-1"></main>\n'
        f'<script type="application/json" id="data">{text}</script>\n<script>{program}</script>\n</body>\n</html>\n'
    )


def script(start: str) -> str:
    """A module and everything that it imports, bundled into one script."""
    order: list[str] = []
    _collect_imports(start, order)
    parts = [f"m.{name} = (() => {{\n{_as_function(name)}}})();\n" for name in order]
    return '"use strict";\n{\nconst m = {};\n' + "".join(parts) + "}\n"


def _collect_imports(name: str, order: list[str]) -> None:
    for _, needed in _IMPORT.findall(_source(name)):
        if needed not in order:
            _collect_imports(needed, order)
    order.append(name)


def _as_function(name: str) -> str:
    source = _source(name)
    names = [found for _, found in _EXPORTED.findall(source)]
    for listed in _LISTED.findall(source):
        names += [each.strip() for each in listed.split(",") if each.strip()]
    source = _IMPORT.sub(lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = m.{found[2]};\n", source)
    source = _LISTED.sub("", _EXPORTED.sub(r"\1 \2", source))
    return f"{source}return {{ {', '.join(dict.fromkeys(names))} }};\n"


def _source(name: str) -> str:
    return assets.files()[f"js/{name}.js"][0].decode()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _evenly_chosen(names: list[str]) -> list[str]:
    """At most `MOST_CHECKPOINTS` of the checkpoints, evenly chosen, including the first and the last."""
    if len(names) <= MOST_CHECKPOINTS:
        return names
    places = [round(each * (len(names) - 1) / (MOST_CHECKPOINTS - 1)) for each in range(MOST_CHECKPOINTS)]
    return [names[place] for place in dict.fromkeys(places)]
