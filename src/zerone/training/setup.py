"""From names to things: the algorithm, the environment and the engine of a run, and back from its configuration."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import gymnasium

from zerone.algorithms import catalogue as algorithms
from zerone.algorithms.protocol import Algorithm, Cut
from zerone.base.compilation import keep_compiled_programs
from zerone.base.errors import InputError, nearest, said
from zerone.base.language import translatable, translated
from zerone.base.modules import ForeignId, require_trusted
from zerone.base.notices import notices
from zerone.base.pytree import check
from zerone.engines.protocol import Engine
from zerone.environments import catalogue as environments
from zerone.environments import names
from zerone.environments.base import NO_MASK, Environment, TimedEnvironment
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.envpool import is_of_envpool
from zerone.environments.gym.sources import Single, checked, source
from zerone.environments.gym.vectors import EXAMPLE
from zerone.environments.gym.views import AUTO
from zerone.environments.objects import made as made_of
from zerone.environments.objects import name_of, timed
from zerone.environments.outside import looks_like_one
from zerone.environments.rewards import options_as_kept
from zerone.environments.suites import is_of_suite
from zerone.parts import own_networks
from zerone.training import presets
from zerone.training.unknown_arguments import swapped

if TYPE_CHECKING:
    from zerone.environments.gym.allowed import Allowing
    from zerone.environments.gym.processes import Processes

ENGINES = ("auto", "compiled", "host", "cluster")
OFF = NO_MASK

GymnasiumMaker = Callable[[], "gymnasium.Env[Any, Any]"]
VectorMaker = Callable[[int], "gymnasium.vector.VectorEnv[Any, Any, Any]"]
EnvironmentLike = (
    str | type[Any] | Environment | TimedEnvironment | GymnasiumMaker | gymnasium.Env[Any, Any]
    | VectorMaker | gymnasium.vector.VectorEnv[Any, Any, Any]
)  # fmt: skip
"""An id, an environment written in JAX or its class, or a function that makes a Gymnasium environment.

One environment object of Gymnasium's is taken where no more than one is needed; a vector, or a function of `num_envs`
that makes vectors, to be learnt in as it is.
"""
SettingsLike = Mapping[str, Any] | str | Path | tuple[str | Path, Mapping[str, Any]]
"""Hyperparameters that differ from the preset; a TOML file that takes its place (`presets.read_table`); or both."""
UNCHANGED: Mapping[str, Any] = MappingProxyType({})
"""The preset as it is."""


def settings_of(algorithm: Algorithm) -> dict[str, Any]:
    """Every setting by name, as JSON has it."""
    settings: Any = algorithm
    return dataclasses.asdict(settings)


def environment_name(environment: EnvironmentLike) -> str:
    """What a run is called by: the id, our own spelling of it for our own, or the name of what was given."""
    environment = source(environment)
    named = environment if isinstance(environment, str) else name_of(environment)
    entry = environments.ours(named) if isinstance(environment, str) else None
    return named if entry is None else entry.id


def make_algorithm(
    algorithm: str | Algorithm, environment: EnvironmentLike, settings: SettingsLike = UNCHANGED, network: Any = None,
    preset: str = presets.TUNED,
) -> tuple[Algorithm, dict[str, Any]]:  # fmt: skip
    """The algorithm, and what the preset says of the training itself (such as `steps`).

    A name takes the `preset` of that environment, or the file of `settings` in its place, changed by what else is in
    them; an algorithm object is taken as it is. A `network` is a name, or a class or function of one.
    """
    file, changes = split_settings(settings)
    _require_preset(preset, algorithm, file)
    algorithm, changes = _with_given(algorithm, changes, network)
    if not isinstance(algorithm, str):
        if file is not None or changes:
            given = str(file) if file is not None else dict(changes)
            raise InputError(
                translated("settings = {given} are not allowed here: set them on the algorithm itself", given=given)
            )
        check(algorithm, algorithm.name)
        algorithm.check()
        return algorithm, {}
    mistake = swapped(algorithm, environment) if isinstance(environment, str) else None
    if mistake is not None:
        raise mistake
    entry = algorithms.look_up(algorithm)
    if file is None:
        tuned = presets_for(algorithm, environment, preset)
    else:
        tuned = presets.read_table(file, algorithm, environment_name(environment))
    own = {field.name for field in dataclasses.fields(entry.make)}
    chosen = {key: value for key, value in tuned.items() if key in own} | dict(changes)
    training = {key: value for key, value in tuned.items() if key not in own}
    made = algorithms.make(algorithm, chosen, fitting="minibatches" not in changes)
    if isinstance(made, Cut) and made.minibatches != (asked := chosen.get("minibatches", made.minibatches)):
        notices()(
            translated(
                "{algorithm}: {minibatches} minibatches instead of the preset's {asked}, which do not divide the block "
                "of steps that was chosen",
                algorithm=algorithm,
                minibatches=made.minibatches,
                asked=asked,
            )
        )
    return made, training


def _require_preset(preset: str, algorithm: str | Algorithm, file: str | Path | None) -> None:
    """Raise `InputError` if there is no such kind of preset, or it is asked for where none is taken."""
    if preset not in presets.KINDS:
        raise InputError(
            translated("preset {preset!r} is unknown: {hint}", preset=preset, hint=nearest(str(preset), presets.KINDS))
        )
    if preset == presets.TUNED or (isinstance(algorithm, str) and file is None):
        return
    own = translated("an algorithm object has its settings")
    why = own if file is None else translated("{file} takes the place of a preset", file=file)
    raise InputError(translated("preset = {preset!r} is not allowed here: {why}", preset=preset, why=why))


def _with_given(
    algorithm: str | Algorithm, changes: Mapping[str, Any], network: Any
) -> tuple[str | Algorithm, Mapping[str, Any]]:
    """The algorithm, or the settings that change that of a name, with the network that was given."""
    if network is None:
        if isinstance(changes.get("network"), str):
            own_networks.given(changes["network"])
        return algorithm, changes
    if not isinstance(algorithm, str):
        return with_network(algorithm, network), changes
    if "network" in changes:
        raise InputError(translated("network is not allowed twice: it is in the settings, too"))
    return algorithm, {**changes, "network": own_networks.given(network)}


def with_network(algorithm: Algorithm, network: Any) -> Algorithm:
    """The algorithm with another network. Raises `InputError` if it has none, or `network` is none."""
    fields = {field.name for field in dataclasses.fields(cast("Any", algorithm))}
    if "network" not in fields:
        raise InputError(
            translated("{algorithm} has no network: network is not allowed here", algorithm=algorithm.name)
        )
    changed: Any = algorithm
    return cast("Algorithm", dataclasses.replace(changed, network=own_networks.given(network)))


def split_settings(settings: SettingsLike) -> tuple[str | Path | None, Mapping[str, Any]]:
    """The file in which settings stand, if there is one, and what is changed of that or of the preset."""
    if isinstance(settings, (str, Path)):
        return settings, {}
    if isinstance(settings, tuple):
        return settings
    return None, settings


def presets_for(algorithm: str, environment: EnvironmentLike, kind: str = presets.TUNED) -> dict[str, Any]:
    """The preset of an algorithm's name on an environment. Raises `InputError` where the tutorial has none."""
    if kind == presets.NONE:
        return {}
    if kind == presets.TUTORIAL:
        return presets.of_tutorial(algorithm, environment_name(environment))
    return presets.preset(algorithm, environment_name(environment)) if isinstance(environment, str) else {}


def say_other_version(algorithm: Algorithm, environment: EnvironmentLike, engine: str) -> None:
    """Say if an environment is another version of one of ours: it begins without tuned settings, and is slower."""
    ours = names.other_version(environment) if isinstance(environment, str) else None
    if ours is None:
        return
    lacks = [translated("runs compiled")] if engine == "host" else []
    if presets.preset(algorithm.name, ours.id):
        lacks.insert(0, translated("has tuned settings for {algorithm}", algorithm=algorithm.name))
    if lacks:
        notices()(
            translated(
                "{environment} is another version of {ours}, which {lacks}: this one does not",
                environment=environment,
                ours=ours.id,
                lacks=translated(" and ").join(lacks),
            )
        )


def say_cut_off(environment: EnvironmentLike, options: Mapping[str, Any]) -> None:
    """Say if no way leads to the goal of one of our mazes or lakes: there is nothing to be found in it then."""
    if isinstance(environment, str):
        entry = environments.ours(environment)
        if entry is None:
            return
        known = {option.name for option in environments.options(entry)}
        task: Any = environments.make(entry.id, **{name: value for name, value in options.items() if name in known})
    else:
        task = environment
    for line in environments.cut_off(task):
        notices()(line)


def make_engine(
    engine: str, algorithm: Algorithm, environment: EnvironmentLike, options: Mapping[str, Any] = {},
    observations: str = AUTO, around: Around = NOTHING, processes: Processes | None = None,
    action_mask: Any = OFF,
) -> Engine:  # fmt: skip
    """The engine that drives `algorithm` in `environment`.

    `auto` is compiled where the environment is one of ours (or has a twin here), else host. `cluster` plays as
    either of them would, in processes of its own; `start_workers` starts those. `observations` says how they are seen
    (`views.VIEWS`), `around` what is put around each environment, and `processes` play them, if they are given: both
    are for the host engine. `action_mask` says where masks come from (`action_masks`).

    Raises:
        InputError: unknown names, options or spaces that do not go together.
    """
    if engine not in ENGINES:
        raise InputError(
            translated("engine {engine!r} is unknown: {hint}", engine=engine, hint=nearest(engine, ENGINES))
        )
    if isinstance(environment, str) and not (is_of_suite(environment) or is_of_envpool(environment)):
        require_trusted(environment, options)  # before it is refused for another reason
    environment, options = made_of(source(environment), options)
    if options and not isinstance(environment, str):
        raise InputError(
            translated(
                "options = {options} are not allowed here: make the environment with them", options=dict(options)
            )
        )
    keep_compiled_programs()
    name = environment_name(environment)
    asks = _asks(action_mask, algorithm)
    if engine == "cluster":
        if processes is not None:
            raise InputError(
                translated(
                    "processes = {number} is not allowed with engine cluster, whose workers are processes already",
                    number=processes.number,
                )
            )
        return _cluster(algorithm, environment, name, options, observations, around, action_mask)
    ours = _ours(environment, options, required=engine == "compiled") if engine != "host" else None
    if ours is not None:
        _require_no_gymnasium(environment, name, around, processes)
        from zerone.engines.compiled import Compiled
        from zerone.environments.wrappers import with_view
        from zerone.training.action_masks import masked

        made: Engine = Compiled(algorithm, masked(with_view(ours, observations), action_mask, name))
    else:
        made = _host(algorithm, environment, name, options, observations, around, processes, asks)
    try:
        algorithms.require(algorithm, made.spaces, name)
    except InputError:
        made.close()
        raise
    return made


def _asks(action_mask: Any, algorithm: Algorithm) -> Allowing | None:
    """From where an environment played by Python has its masks; None where none is wanted.

    Raises:
        InputError: it cannot be found, or the algorithm keeps to no mask.
    """
    if isinstance(action_mask, str) and action_mask == OFF:
        return None
    from zerone.environments.gym.allowed import Allowing
    from zerone.training.action_masks import function_of, require_able

    require_able(algorithm)
    return Allowing(function_of(action_mask))


def _require_no_gymnasium(environment: EnvironmentLike, name: str, around: Around, processes: Processes | None) -> None:
    """Raise `InputError` where something is asked of a compiled environment that is for those of Gymnasium."""
    asked = [f"processes = {processes.number}"] if processes is not None else []
    asked += ["wrappers"] if around.wrappers else []
    asked += [f"frame_stack = {around.frame_stack}"] if around.frame_stack > 1 else []
    asked += [f"frame_skip = {around.frame_skip}"] if around.frame_skip > 1 else []
    if not asked:
        return
    advice = translated("use {option}, which steps it from Python", option=said("--engine host", "engine='host'"))
    if not isinstance(environment, str):
        advice = translated("put a function that makes a Gymnasium environment in its place")
    one = translated("{settings} is not allowed here: {name} runs compiled, in one program; {advice}",
                     settings=asked[0], name=name, advice=advice)  # fmt: skip
    several = translated("{settings} are not allowed here: {name} runs compiled, in one program; {advice}",
                         settings=translated(" and ").join(asked), name=name, advice=advice)  # fmt: skip
    raise InputError(several if len(asked) > 1 or around.wrappers else one)


def _cluster(
    algorithm: Algorithm, environment: EnvironmentLike, name: str, options: Mapping[str, Any], observations: str,
    around: Around, action_mask: Any,
) -> Engine:  # fmt: skip
    from zerone.cluster.engine import Cluster
    from zerone.cluster.worker import Task

    workers = algorithms.require_workers(algorithm)
    judge = make_engine("auto", workers.alone(), environment, options, observations, around, None, action_mask)
    if isinstance(environment, str) and environments.ours(environment) is None and judge.name == "compiled":
        environment, options = environments.make(environment, **options), {}  # a worker may not find it by its id
    environment = str(environment) if isinstance(environment, str) else environment  # trusted, or it were not made
    asks = _asks(action_mask, algorithm)
    task = Task(environment, name, dict(options), judge.name == "compiled", observations, around, asks)
    return Cluster(workers, judge, task)


def start_workers(
    engine: Engine, address: str | None, worker_timeout: float | None, step_timeout: float | None = None
) -> None:
    """Bring up what an engine trains with, where that are processes of its own.

    Raises:
        InputError: something asked for is not allowed, or is for another engine; no cluster is there.
        RunError: the workers do not start.
    """
    from zerone.engines.protocol import Workers

    require_steps_that_can_be_late(engine, step_timeout)
    if not isinstance(engine, Workers):
        for asked, value in (("address", address), ("worker_timeout", worker_timeout)):
            if value is not None:
                raise InputError(
                    translated(
                        "{asked} = {value!r} is not allowed without engine='cluster' or spread, or it would be ignored",
                        asked=asked,
                        value=value,
                    )
                )
        return
    if worker_timeout is not None and not 0 < worker_timeout < math.inf:
        raise InputError(
            translated(
                "worker_timeout = {worker_timeout!r} is not allowed: must be a finite number above 0",
                worker_timeout=worker_timeout,
            )
        )
    engine.start(address, worker_timeout, step_timeout)


def require_steps_that_can_be_late(engine: Engine, step_timeout: float | None) -> None:
    """Raise `InputError` if a limit is set to steps that are no calls of their own."""
    if step_timeout is not None and not engine.steps_one_by_one:
        raise InputError(
            translated(
                "step_timeout = {step_timeout!r} is not allowed here: compiled environments step in one program, "
                "which cannot hang; it is for those of Gymnasium",
                step_timeout=step_timeout,
            )
        )


def open_environments(engine: Engine, seed: int) -> None:
    """Make what the first seed will learn in, where that can fail: before anything is created.

    Raises:
        InputError: it cannot be made, or not often enough.
    """
    from zerone.engines.protocol import Opens

    if isinstance(engine, Opens):
        engine.open_for(seed)


def _ours(environment: EnvironmentLike, options: Mapping[str, Any], required: bool) -> TimedEnvironment | None:
    if not isinstance(environment, str):
        if not looks_like_one(environment):
            if required:
                raise InputError(
                    translated("the compiled engine needs an environment written in JAX: use engine='host'")
                )
            return None
        return timed(environment, environment_name(environment))
    entry = environments.find(environment)
    if entry is not None:
        made = environments.make(environment, **options)
        return timed(made, entry.id) if environments.is_class(entry) else made
    if required:
        host = said("--engine host", "engine='host'")
        raise InputError(
            translated(
                "environment {environment!r} is not compiled here: use {host}, or one of {listed}",
                environment=environment,
                host=host,
                listed=", ".join(entry.id for entry in environments.entries()),
            )
        )
    return None


def _host(
    algorithm: Algorithm, environment: EnvironmentLike, name: str, options: Mapping[str, Any], observations: str,
    around: Around, processes: Processes | None, asks: Allowing | None,
) -> Engine:  # fmt: skip
    from zerone.engines.host import MOST_AT_ONCE, Host
    from zerone.environments.gym.vector import make_vector, maker
    from zerone.environments.gym.vectors import Vectors, learnt_in

    if asks is not None and around.frame_skip > 1:
        raise InputError(
            translated(
                "frame_skip = {steps} is not allowed with an action mask, which may forbid the action before it has "
                "been repeated",
                steps=around.frame_skip,
            )
        )
    if not isinstance(environment, str) and looks_like_one(environment):
        raise InputError(
            translated("the host engine needs an id or a function that makes an environment, not {name}", name=name)
        )
    real = dict(options) if environments.find(name) is None else environments.as_judged(name, options)
    hears = notices()
    found = [
        maker(environment, chosen) if isinstance(environment, str) else cast("GymnasiumMaker", environment)
        for chosen in (dict(options), real)
    ]
    if isinstance(vectors := found[0], Vectors):
        _require_alone(name, around, processes)
        judged = functools.partial(make_vector, vectors, name, view=observations, notices=hears, allowing=asks)
        learnt = functools.partial(learnt_in, vectors, name, observations, allowing=asks)
        return Host(algorithm, learnt, judged, min(MOST_AT_ONCE, algorithm.environments), allowing=asks)
    makers = [around.put(each if isinstance(environment, str) else checked(each, name), name) for each in found]
    made = [
        functools.partial(make_vector, each, name, view=observations, notices=hears, allowing=asks) for each in makers
    ]
    apart = None
    if processes is not None:
        from zerone.environments.gym.processes import PlayedApart

        _require_shared_out(processes.number, algorithm, environment, name)
        apart = PlayedApart(processes, makers[0], makers[1], name, observations, hears, asks)
    at_once = 1 if isinstance(environment, Single) else MOST_AT_ONCE
    return Host(algorithm, made[0], made[1], at_once, apart, asks)


def _require_alone(name: str, around: Around, processes: Processes | None) -> None:
    """Raise `InputError` if something is asked of a vector that is for single environments."""
    asked = [translated("wrappers, frame stacks and frame skips are")] if around else []
    asked += [translated("processes = {number} is", number=processes.number)] if processes is not None else []
    if asked:
        raise InputError(
            translated(
                "{asked} not allowed here: {name} is a vector of environments, which is played as it is; make it "
                "with them",
                asked=asked[0],
                name=name,
            )
        )


def _require_shared_out(number: int, algorithm: Algorithm, environment: EnvironmentLike, name: str) -> None:
    """Raise `InputError` if there is nothing to do for some of so many processes."""
    if isinstance(environment, Single):
        raise InputError(
            translated(
                "processes = {number} is not allowed here: {name} is one object, and each process makes its own: "
                "pass a function that makes one, such as lambda: gymnasium.make({id!r})",
                number=number,
                name=name,
                id=name,
            )
        )
    if number > algorithm.environments:
        count = algorithm.environments
        plays = translated("1 environment") if count == 1 else translated("{count} environments", count=count)
        more = said(f"--environments {number}", f"settings={{'environments': {number}}}")
        able = "environments" in settings_of(algorithm)
        refused = (
            translatable(
                "processes = {number} is not allowed: {algorithm} plays {plays} side by side here; {more} lets it play "
                "{number}"
            )
            if able
            else translatable("processes = {number} is not allowed: {algorithm} plays {plays} side by side")
        )
        raise InputError(translated(refused, number=number, algorithm=algorithm.name, plays=plays, more=more))


def options_of(environment: EnvironmentLike, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a run keeps them: a layout itself in the place of its file's name."""
    entry = environments.find(environment) if isinstance(environment, str) else None
    if entry is None or not options:
        return dict(options)
    known = {option.name for option in environments.options(entry)}  # the host engine's twin may take others, too
    return {**options, **environments.resolved(entry.id, {n: v for n, v in options.items() if n in known})}


def describe_environment(
    environment: EnvironmentLike, options: Mapping[str, Any], observations: str, around: Around = NOTHING,
    action_mask: str = OFF,
) -> dict[str, Any]:  # fmt: skip
    """An environment as a run's configuration has it; its id and options, and from where its class can be had again."""
    reward = options_as_kept(options).get("reward")
    known = isinstance(environment, str) and not str(reward or "").startswith("<")
    found = {
        "id": environment_name(environment), "options": options_as_kept(options), "known": known,
        "observations": observations,
    }  # fmt: skip
    found |= {"around": around.describe()} if around else {}
    found |= {"action_mask": action_mask} if action_mask != OFF else {}
    source = environments.source_of_id(environment) if isinstance(environment, str) else None
    return found if source is None else {**found, "source": source}


def solved_at(environment: EnvironmentLike, options: Mapping[str, Any] = MappingProxyType({})) -> float | None:
    """The mean return from which an environment counts as solved, where somebody has said so.

    Options that make another task of it (see `catalogue.same_task`) leave it without a level.
    """
    if not isinstance(environment, str):
        return None
    entry = environments.find(environment)
    if entry is not None:
        return environments.level_of(entry, options)
    from zerone.environments.gym.vector import solved_at as gymnasium_solved_at

    return None if options else gymnasium_solved_at(environment)


def require_enough(environment: EnvironmentLike, seeds: Sequence[int]) -> None:
    """Raise `InputError` if several seeds should learn in one vector, that was given itself."""
    if isinstance(environment, gymnasium.vector.VectorEnv) and len(seeds) > 1:
        raise InputError(
            translated(
                "environment {environment} is one vector, and {count} seeds need one each: pass a function that "
                "makes them, such as {example}",
                environment=environment_name(environment),
                count=len(seeds),
                example=EXAMPLE,
            )
        )


def level(given: EnvironmentLike, environment: EnvironmentLike, options: Mapping[str, Any]) -> float | None:
    """The same for what was `given` for an environment: one of ours that is no id has no level, and no preset."""
    ours = isinstance(environment, str) and environments.ours(environment) is not None
    return None if ours and not isinstance(given, str) else solved_at(environment, options)


def make_algorithm_from(saved: Mapping[str, Any]) -> Algorithm:
    """The algorithm of a run's configuration, with exactly the settings it was saved with."""
    source = saved.get("source")
    source = None if source is None else ForeignId(source)
    return algorithms.make_saved(ForeignId(saved["name"]), saved["settings"], source)


def describe_algorithm(algorithm: Algorithm) -> dict[str, Any]:
    """An algorithm as a run's configuration has it: `make_algorithm_from` makes it again."""
    found = {"name": algorithm.name, "settings": settings_of(algorithm)}
    source = algorithms.source_of(algorithm)
    return found if source is None else {**found, "source": source}
