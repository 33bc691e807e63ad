"""Choosing the engine that trains an algorithm in an environment, and checking that the user's options fit it."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from zerone.algorithms import catalogue as algorithms
from zerone.algorithms.protocol import Algorithm
from zerone.base.compilation import keep_compiled_programs
from zerone.base.errors import InputError, nearest, said
from zerone.base.language import translatable, translated
from zerone.base.modules import require_trusted
from zerone.base.notices import notices
from zerone.engines.protocol import Engine
from zerone.environments import catalogue as environments
from zerone.environments.base import NO_MASK, TimedEnvironment
from zerone.environments.gym.around import NOTHING, Around
from zerone.environments.gym.envpool import is_of_envpool
from zerone.environments.gym.kinds import Maker
from zerone.environments.gym.sources import Single, checked, source
from zerone.environments.gym.views import AUTO
from zerone.environments.objects import bare_of, made_soundly, timed
from zerone.environments.objects import made as made_of
from zerone.environments.outside import looks_like_one
from zerone.environments.suites import is_of_suite
from zerone.environments.wrappers import is_of_zerone, own_shaped_rewards
from zerone.training.algorithm_setup import settings_of
from zerone.training.environment_setup import EnvironmentLike, environment_name

if TYPE_CHECKING:
    from zerone.environments.gym.allowed import MaskSource
    from zerone.environments.gym.processes import Processes

ENGINES = ("auto", "compiled", "host", "cluster")


def make_engine(
    engine: str, algorithm: Algorithm, environment: EnvironmentLike, options: Mapping[str, Any] = {},
    observations: str = AUTO, around: Around = NOTHING, processes: Processes | None = None,
    action_mask: object = NO_MASK,
) -> Engine:  # fmt: skip
    """The engine that trains `algorithm` in `environment`.

    `auto` is `compiled` if the environment is written in JAX (or has a twin here), else `host`. `cluster` plays like
    either of them, in worker processes that `start_workers` starts. `observations` chooses how they are encoded
    (`views.VIEWS`), `around` are wrappers of each environment, and `processes`, if given, play them: both are for the
    host engine only. `action_mask` chooses the source of masks (`action_masks`).

    Raises:
        InputError: unknown names, or options or spaces that do not fit together.
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
    asks = _mask_source(action_mask, algorithm)
    if engine == "cluster":
        if processes is not None:
            raise InputError(
                translated(
                    "processes = {number} is not allowed with engine cluster, whose workers are processes already",
                    number=processes.number,
                )
            )
        return _cluster_engine(algorithm, environment, name, options, observations, around, action_mask)
    ours = _compiled_environment(environment, options, required=engine == "compiled") if engine != "host" else None
    if ours is not None:
        _require_no_gymnasium(environment, name, around, processes)
        from zerone.engines.compiled import Compiled
        from zerone.environments.wrappers import with_view
        from zerone.training.action_masks import masked

        made: Engine = Compiled(algorithm, masked(with_view(ours, observations), action_mask, name))
    else:
        made = _host_engine(algorithm, environment, name, options, observations, around, processes, asks)
    try:
        algorithms.require(algorithm, made.spaces, name)
    except InputError:
        made.close()
        raise
    return made


def _mask_source(action_mask: object, algorithm: Algorithm) -> MaskSource | None:
    """The source of masks for an environment played by Python; None if no mask is wanted.

    Raises:
        InputError: the source cannot be found, or the algorithm does not support masks.
    """
    if isinstance(action_mask, str) and action_mask == NO_MASK:
        return None
    from zerone.environments.gym.allowed import MaskSource
    from zerone.training.action_masks import mask_function, require_able

    require_able(algorithm)
    return MaskSource(mask_function(action_mask))


def _require_no_gymnasium(environment: EnvironmentLike, name: str, around: Around, processes: Processes | None) -> None:
    """Raise `InputError` if an option that only Gymnasium environments support is given for a compiled one."""
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


def _cluster_engine(
    algorithm: Algorithm, environment: EnvironmentLike, name: str, options: Mapping[str, Any], observations: str,
    around: Around, action_mask: object,
) -> Engine:  # fmt: skip
    from zerone.cluster.engine import Cluster
    from zerone.cluster.worker import Task

    workers = algorithms.require_workers(algorithm)
    judge = make_engine("auto", workers.alone(), environment, options, observations, around, None, action_mask)
    if isinstance(environment, str) and environments.ours(environment) is None and judge.name == "compiled":
        environment, options = environments.make(environment, **options), {}  # a worker may not know its id
    environment = str(environment) if isinstance(environment, str) else environment  # it was made, so it is trusted
    asks = _mask_source(action_mask, algorithm)
    task = Task(environment, name, dict(options), judge.name == "compiled", observations, around, asks)
    return Cluster(workers, judge, task)


def start_workers(
    engine: Engine, address: str | None, worker_timeout: float | None, step_timeout: float | None = None
) -> None:
    """Start or join the processes that the engine trains with, if it uses any.

    Raises:
        InputError: a value is not allowed or is for another engine, or there is no cluster at `address`.
        RunError: the workers do not start.
    """
    from zerone.engines.protocol import StartsWorkers

    require_steps_that_can_be_late(engine, step_timeout)
    if not isinstance(engine, StartsWorkers):
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
    """Raise `InputError` if a step timeout is set but the engine's steps are no separate calls."""
    if step_timeout is not None and not engine.steps_one_by_one:
        raise InputError(
            translated(
                "step_timeout = {step_timeout!r} is not allowed here: compiled environments step in one program, "
                "which cannot hang; it is for those of Gymnasium",
                step_timeout=step_timeout,
            )
        )


def open_environments(engine: Engine, seed: int) -> None:
    """Make the environments of the first seed, if that can fail, before any file is created.

    Raises:
        InputError: an environment, or enough of them, cannot be made.
    """
    from zerone.engines.protocol import MakesEnvironments

    if isinstance(engine, MakesEnvironments):
        engine.make_environments(seed)


def check_first_steps(engine: Engine, name: str) -> None:
    """Play some steps in JAX if the environment or its reward is a user's, also in processes; see `first_steps`.

    Raises:
        InputError: it returns an observation outside of its space, or a reward that is no finite number.
    """
    from zerone.engines.compiled import Compiled
    from zerone.engines.protocol import TrainsInProcesses
    from zerone.environments.first_steps import require_sound_steps

    engine = engine.evaluator if isinstance(engine, TrainsInProcesses) else engine
    if not isinstance(engine, Compiled):
        return
    environment = engine.environment
    if not is_of_zerone(bare_of(environment)) or own_shaped_rewards(environment):
        require_sound_steps(environment, name)


def _compiled_environment(
    environment: EnvironmentLike, options: Mapping[str, Any], required: bool
) -> TimedEnvironment | None:
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
        return made_soundly(entry, options)
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


def _host_engine(
    algorithm: Algorithm, environment: EnvironmentLike, name: str, options: Mapping[str, Any], observations: str,
    around: Around, processes: Processes | None, asks: MaskSource | None,
) -> Engine:  # fmt: skip
    from zerone.engines.host import Host
    from zerone.engines.host_evaluation import MOST_AT_ONCE
    from zerone.environments.gym.checked_vector import training_vector
    from zerone.environments.gym.makers import maker
    from zerone.environments.gym.vector import make_vector
    from zerone.environments.gym.vectors import Vectors

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
        maker(environment, chosen) if isinstance(environment, str) else cast("Maker", environment)
        for chosen in (dict(options), real)
    ]
    if isinstance(vectors := found[0], Vectors):
        _require_alone(name, around, processes)
        judged = functools.partial(make_vector, vectors, name, view=observations, notices=hears, mask_source=asks)
        learnt = functools.partial(training_vector, vectors, name, observations, mask_source=asks)
        return Host(algorithm, learnt, judged, min(MOST_AT_ONCE, algorithm.environments), mask_source=asks)
    makers = [around.put(each if isinstance(environment, str) else checked(each, name), name) for each in found]
    made = [
        functools.partial(make_vector, each, name, view=observations, notices=hears, mask_source=asks)
        for each in makers
    ]
    apart = None
    if processes is not None:
        from zerone.environments.gym.process_vector import ProcessVectors

        _require_enough_environments(processes.number, algorithm, environment, name)
        apart = ProcessVectors(processes, makers[0], makers[1], name, observations, hears, asks)
    at_once = 1 if isinstance(environment, Single) else MOST_AT_ONCE
    return Host(algorithm, made[0], made[1], at_once, apart, asks)


def _require_alone(name: str, around: Around, processes: Processes | None) -> None:
    """Raise `InputError` if an option for single environments is combined with a vector environment."""
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


def _require_enough_environments(number: int, algorithm: Algorithm, environment: EnvironmentLike, name: str) -> None:
    """Raise `InputError` if the environment is a single object, or there are more processes than environments."""
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
