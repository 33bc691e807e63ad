"""Answers to the page's questions about runs: the list, single runs, films; and starting and stopping trainings."""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerone.base.errors import InputError
from zerone.base.values import short
from zerone.lab.folders import CONFIG, Folders, is_plain, require_plain
from zerone.lab.run_curves import curves_of
from zerone.lab.run_policies import RunPolicies, checkpoints, setup_of
from zerone.lab.setups import read_setup
from zerone.lab.trainings import Trainings
from zerone.training.folder import RunFolder

if TYPE_CHECKING:
    from zerone.lab.folders import Found

MOST_FILMS, MOST_OPEN = 64, 4
MOST_STEPS, MOST_SEEDS = 100_000_000, 10
LONGEST_NAME = 300


class Answers:
    """The answers of one server, computed one at a time, in threads other than the server's."""

    def __init__(self, root: Path, wake: Callable[[], None] = lambda: None) -> None:
        self.folders = Folders(root)
        self.trainings = Trainings(self.folders, wake)
        self._lock = threading.Lock()
        self._films: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()
        self._open: OrderedDict[tuple[Any, ...], RunPolicies | InputError] = OrderedDict()
        self._asked: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "runs": self._runs, "run": self._run, "film": self._film, "train": self._train, "stop": self._stop,
            "resume": self._resume,
        }  # fmt: skip

    def answer(self, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to the question `what` with the arguments `given`, as a JSON object.

        Raises:
            InputError: the question is unknown or cannot be answered.
        """
        if what not in self._asked:
            raise InputError(f"what = {short(what)} is not allowed: must be one of {', '.join(self._asked)}")
        with self._lock:
            return self._asked[what](given)

    def file(self, name: str, kind: str) -> tuple[str, bytes]:
        """A file made from a run, for download: its name and its contents. `kind` is csv, html, npz or onnx.

        Raises:
            InputError: there is no such run, or it cannot be converted to this format.
        """
        with self._lock:
            found = self.folders.find(name)
            short_name = found.path.name
            if kind == "csv":
                require_plain(found.path / "metrics.csv")
                return f"{short_name}.csv", (found.path / "metrics.csv").read_bytes()
            if kind == "html":
                from zerone.lab.one_file import page_of

                return f"{short_name}.html", page_of(found.path).encode()
            if kind in ("npz", "onnx"):
                return f"{short_name}.{kind}", self._exported(found, kind)
        raise InputError(f"{short(kind)} is not allowed: must be one of html, npz, onnx, csv")

    def _exported(self, found: Found, kind: str) -> bytes:
        from zerone.export.write import require_place
        from zerone.training.exporting import export_policy
        from zerone.training.run import Run

        played = self._policies(found)
        played.path("best" if "best" in checkpoints(played.folder) else checkpoints(played.folder)[-1])
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / f"policy.{kind}"
            require_place(place)
            export_policy(place, played.engine, Run(played.folder, played.engine).agent(), played.folder, "best")
            return place.read_bytes()

    def _runs(self, given: Mapping[str, Any]) -> dict[str, Any]:
        _only(given)
        rows = self.folders.look()
        mine = self.trainings.names
        listed = {each["name"] for each in rows}
        begun = [{"name": name, "state": "running", "beginning": True} for name in mine if name not in listed]
        said = [{"name": each["name"], "failed": self.trainings.failure(each["name"])} for each in rows]
        failed = {each["name"]: each["failed"] for each in said if each["failed"]}
        for each in rows:
            each["mine"] = each["name"] in mine
        return {"runs": begun + rows, "failed": failed, "root": str(self.folders.root)}

    def _run(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name, mark = _text(given, "run"), given.get("mark")
        _only(given, "run", "mark")
        found = self.folders.find(name)
        state = self.folders.state(found)
        require_plain(found.path / CONFIG)
        folder = RunFolder.open(found.path)
        saved = checkpoints(folder)
        now = [*found.mark, saved, state]
        common = {"name": name, "state": state, "mine": name in self.trainings.names, "mark": short_mark(now)}
        failed = self.trainings.failure(name)
        if mark == common["mark"]:
            return common | {"same": True, "failed": failed}
        config = folder.config
        answer = common | {
            "failed": failed,
            "config": {
                "algorithm": config["algorithm"]["name"], "environment": config["environment"]["id"],
                "engine": config["engine"], "steps": config["steps"], "seeds": config["seeds"],
                "dataset": None if config["dataset"] is None else config["dataset"]["id"],
                "settings": config["algorithm"]["settings"], "options": config["environment"]["options"],
                "solvedAt": config["solved_at"],
            },
            "checkpoints": saved,
            "result": _result(folder),
            **curves_of(folder),
        }  # fmt: skip
        try:
            played = self._policies(found)
        except InputError as error:
            return answer | {"picture": None, "noFilm": str(error)}
        return answer | {"picture": played.about(), "noFilm": "", "setup": setup_of(config).as_json()}

    def _film(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name, which = _text(given, "run"), _text(given, "checkpoint")
        seed = given.get("seed", 0)
        _only(given, "run", "checkpoint", "seed")
        found = self.folders.find(name)
        played = self._policies(found)
        if type(seed) is not int or seed not in played.folder.config["seeds"]:
            raise InputError(f"seed = {short(seed)} is not allowed: it was not trained")
        mark: tuple[Any, ...] = ()
        if which != "0":
            path = played.path(which)
            about = path.lstat()
            mark = about.st_ino, about.st_size, about.st_mtime_ns
        key = (name, found.mark[0], which, seed, mark)
        if key not in self._films:
            self._films[key] = played.film(seed, which)
        self._films.move_to_end(key)
        while len(self._films) > MOST_FILMS:
            self._films.popitem(last=False)
        return {"checkpoint": which, "film": self._films[key]}

    def _policies(self, found: Found) -> RunPolicies:
        """The policies of a run. The last few runs are cached, including the errors of those that cannot be played."""
        key = (found.name, found.mark[0])
        if key not in self._open:
            try:
                require_plain(found.path / CONFIG)
                self._open[key] = RunPolicies(RunFolder.open(found.path))
            except InputError as error:
                self._open[key] = error
        self._open.move_to_end(key)
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        kept = self._open[key]
        if isinstance(kept, InputError):
            raise InputError(str(kept))
        return kept

    def _train(self, given: Mapping[str, Any]) -> dict[str, Any]:
        setup = read_setup(given.get("setup"))
        steps, seeds = given.get("steps"), given.get("seeds", 1)
        _only(given, "setup", "steps", "seeds")
        if steps is not None and (type(steps) is not int or not 1 <= steps <= MOST_STEPS):
            raise InputError(f"steps = {short(steps)} is not allowed: must be a whole number from 1 to {MOST_STEPS:,}")
        if type(seeds) is not int or not 1 <= seeds <= MOST_SEEDS:
            raise InputError(f"seeds = {short(seeds)} is not allowed: must be a whole number from 1 to {MOST_SEEDS}")
        _require_sound(setup)
        return {"run": self.trainings.begin(setup, steps, seeds)}

    def _stop(self, given: Mapping[str, Any]) -> dict[str, Any]:
        _only(given, "run")
        self.trainings.stop(_text(given, "run"))
        return {}

    def _resume(self, given: Mapping[str, Any]) -> dict[str, Any]:
        _only(given, "run")
        self.trainings.resume(_text(given, "run"))
        return {}


def _require_sound(setup: Any) -> None:
    """Raise `InputError` for settings that `zerone train` would refuse, before a process is started."""
    from zerone.lab.training import require_quick
    from zerone.training.algorithm_setup import make_algorithm
    from zerone.training.engine_setup import make_engine

    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in setup.settings.items()}
    algorithm, _ = make_algorithm(setup.algorithm, setup.environment, plain)
    require_quick(algorithm)
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in setup.options.items()}
    make_engine("auto", algorithm, setup.environment, options).close()


def _result(folder: RunFolder) -> dict[str, Any] | None:
    """The main numbers of a run's result; None if it has not finished."""
    found = folder.read_result() if is_plain(folder.result_path) else None
    if found is None:
        return None
    names = ("return_mean", "steps", "seconds", "steps_per_second", "solved")
    return {name: value for name, value in found.items() if name in names and isinstance(value, (int, float, bool))}


def short_mark(parts: list[Any]) -> str:
    """A short hash of `parts`, to detect changes."""
    import hashlib

    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _text(given: Mapping[str, Any], name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str) or not found or len(found) > LONGEST_NAME:
        raise InputError(f"{name} = {short(found)} is not allowed: must be a name from the list")
    return found


def _only(given: Mapping[str, Any], *names: str) -> None:
    unknown = set(given) - set(names)
    if unknown:
        raise InputError(f"a question of this kind has no {short(min(unknown))}")
