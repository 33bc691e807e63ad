"""The one list of algorithms, and where each stands in the taxonomy."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import numpy as np

from zerone.algorithms import outside
from zerone.algorithms.a3c import A3C
from zerone.algorithms.actor_critic import ActorCritic
from zerone.algorithms.ddpg import DDPG
from zerone.algorithms.dppo import DPPO
from zerone.algorithms.dqn import DQN
from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.monte_carlo import MonteCarlo
from zerone.algorithms.ppo import PPO
from zerone.algorithms.protocol import Algorithm, Cut, Distributed
from zerone.algorithms.q_learning import QLearning
from zerone.algorithms.reinforce import Reinforce
from zerone.algorithms.sac import SAC
from zerone.algorithms.sarsa import Sarsa
from zerone.algorithms.sarsa_lambda import SarsaLambda
from zerone.algorithms.td3 import TD3
from zerone.base.errors import MOST_LISTED, InputError, nearest, said
from zerone.base.language import translated
from zerone.base.meanings import algorithm_meant, setting_meant
from zerone.base.modules import place_of
from zerone.base.modules import source_of as place_found
from zerone.base.pytree import check
from zerone.base.scalars import python_numbers
from zerone.base.values import typed
from zerone.environments.gym.views import describe
from zerone.environments.spaces import Spaces
from zerone.parts.networks import NetworkSettings


@dataclasses.dataclass(frozen=True)
class Entry:
    """An algorithm: its class, and how it differs from its neighbours.

    `model`: model-free or model-based. `learns`: value, policy or both. `updates`: per step or per episode.
    `policy`: off-policy learns from anybody's play, on-policy only from its own.
    """

    make: type[Any]
    text: str
    model: str
    learns: str
    updates: str
    policy: str
    observations: str
    actions: str
    paper: str
    formerly: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The former values of settings that were added later with another default; old runs are loaded with these."""

    @property
    def name(self) -> str:
        """The name on the command line."""
        name: str = self.make.name
        return name


_SEEN, _CHOSEN = "Box, Discrete, MultiDiscrete, pictures", "Discrete, MultiDiscrete, Box"
"""The observations of networks, and the actions of stochastic policies."""
_AS_SEEN = {"normalize_observations": "off"}
_NOT_NORMALIZED = {**_AS_SEEN, "normalize_rewards": False}
"""The settings of networks before observations were normalised."""

_ENTRIES = (
    Entry(
        QLearning, "a table of action values, learnt from the best next action", "model-free", "value", "per step",
        "off-policy", "made of Discrete parts", "Discrete", "Watkins 1989",
    ),
    Entry(
        Sarsa, "a table of action values, learnt from the next action that was really taken", "model-free", "value",
        "per step", "on-policy", "made of Discrete parts", "Discrete", "Rummery & Niranjan 1994",
    ),
    Entry(
        SarsaLambda, "Sarsa with eligibility traces: an error also updates the steps before it", "model-free", "value",
        "per step", "on-policy", "made of Discrete parts", "Discrete", "Rummery & Niranjan 1994",
    ),
    Entry(
        MonteCarlo, "a table of the mean returns that followed each action", "model-free", "value", "per episode",
        "on-policy", "made of Discrete parts", "Discrete", "Sutton & Barto 2018",
    ),
    Entry(
        DynaQ, "Q-learning that also practises in its own model of the environment", "model-based", "value", "per step",
        "off-policy", "made of Discrete parts", "Discrete", "Sutton 1990",
    ),
    Entry(
        DQN, "Q-learning with a network, a replay memory and a fixed target", "model-free", "value", "per step",
        "off-policy", _SEEN, "Discrete", "Mnih et al. 2015", {**_AS_SEEN, "dueling_streams": "halved"},
    ),
    Entry(
        Reinforce, "a policy that follows the returns of whole episodes", "model-free", "policy", "per episode",
        "on-policy", _SEEN, _CHOSEN, "Williams 1992", _AS_SEEN,
    ),
    Entry(
        ActorCritic, "a critic's error of n steps drives the actor (A2C)", "model-free", "value and policy",
        "per block of steps", "on-policy", _SEEN, _CHOSEN,
        "Sutton & Barto 2018, Mnih et al. 2016", _AS_SEEN,
    ),
    Entry(
        DDPG, "an actor that follows the gradient of its critic's values; DQN for continuous actions",
        "model-free", "value and policy",
        "per step", "off-policy", _SEEN, "Box", "Lillicrap et al. 2016", {**_AS_SEEN, "warmup_actions": "policy"},
    ),
    Entry(
        TD3, "DDPG with two critics, a delayed actor and smoothed targets", "model-free", "value and policy",
        "per step", "off-policy", _SEEN, "Box", "Fujimoto et al. 2018",
    ),
    Entry(
        SAC, "a stochastic actor, two critics, and a reward for entropy",
        "model-free", "value and policy", "per step", "off-policy", _SEEN, "Box", "Haarnoja et al. 2018",
    ),
    Entry(
        PPO, "actor and critic that move a little at a time (clipped objective or KL penalty)", "model-free",
        "value and policy", "per block of steps", "on-policy", _SEEN, _CHOSEN,
        "Schulman et al. 2017", _NOT_NORMALIZED,
    ),
    Entry(
        A3C, "actor-critic of many workers, which push gradients and do not wait for each other", "model-free",
        "value and policy", "per block of steps", "on-policy", _SEEN, _CHOSEN,
        "Mnih et al. 2016", _AS_SEEN,
    ),
    Entry(
        DPPO, "PPO of many workers, which send their steps or gradients and wait for each other", "model-free",
        "value and policy", "per block of steps", "on-policy", _SEEN, _CHOSEN,
        "Heess et al. 2017", _NOT_NORMALIZED,
    ),
)  # fmt: skip


def entries() -> list[Entry]:
    """Every algorithm, in the order of the tutorial."""
    return list(_ENTRIES)


def look_up(name: str) -> Entry:
    """The entry of a name, also of one from `outside`; an `InputError` that offers the nearest where there is none."""
    for entry in _ENTRIES:
        if entry.name == name:
            return entry
    kind = outside.find(name)
    if kind is not None:
        return _entry_of(kind)
    meant = algorithm_meant(name) or nearest(name, [entry.name for entry in _ENTRIES])
    raise InputError(translated("algorithm {name!r} is unknown: {meant}", name=name, meant=meant))


def register(kind: type[Any]) -> None:
    """Register an algorithm by its `name`, in Python and for run folders that are loaded in this process.

    On the command line, `module:Name` names it without being registered.

    Args:
        kind: A `@configured` class that fits `protocol.Algorithm`.

    Raises:
        InputError: it does not fit, and how; or its name is that of another algorithm.
    """
    outside.remember(kind, frozenset(entry.name for entry in _ENTRIES))


def source_of(algorithm: Algorithm) -> str | None:
    """From where an algorithm from outside can be made again (`module:Name`); None for ours, or where it cannot."""
    return source_of_class(type(algorithm))


def source_of_class(kind: type[Any]) -> str | None:
    """As `source_of`, for a class of algorithms."""
    return None if any(entry.make is kind for entry in _ENTRIES) else place_found(kind)


def _entry_of(kind: type[Any]) -> Entry:
    """What is known of an algorithm from outside."""
    text = (inspect.getdoc(kind) or "").partition("\n")[0].rstrip(".")
    return Entry(kind, text or "an algorithm from outside", "", "", "", "", "", "", place_of(kind))


def setting_of(algorithm: str, name: str, spelt: Callable[[str], str] = repr) -> str:
    """End of a sentence about a name that is no setting of an algorithm: what is meant by it, or what there is."""
    owners = {entry.name: [field.name for field in dataclasses.fields(entry.make)] for entry in _ENTRIES}
    ours = owners.get(algorithm) or [field.name for field in dataclasses.fields(look_up(algorithm).make)]
    meant = setting_meant(name, ours, owners, spelt)
    if meant is not None:
        return meant
    few = len(ours) <= MOST_LISTED
    if few:
        return translated("it has {names}", names=", ".join(map(spelt, ours)))
    return translated("zerone algorithms {algorithm} lists what it has", algorithm=algorithm)


def make(name: str, settings: dict[str, Any], fitting: bool = False) -> Algorithm:
    """The algorithm of a name with these settings, in their right types; the rest are defaults.

    With `fitting` the number of minibatches was not chosen by a person: it becomes one that divides the samples.

    Raises:
        InputError: an unknown name or setting, a value that is not allowed, or values that do not go together.
    """
    entry = look_up(name)
    known = {field.name: field for field in dataclasses.fields(entry.make)}
    chosen: dict[str, Any] = {}
    for key, value in settings.items():
        if key not in known:
            raise InputError(
                translated(
                    "{algorithm} has no setting {name!r}: {meant}",
                    algorithm=name,
                    name=key,
                    meant=setting_of(name, key),
                )
            )
        chosen[key] = typed(value, known[key].default, f"{name}: {key}")
    algorithm: Algorithm = entry.make(**chosen)
    if fitting and isinstance(algorithm, Cut):
        algorithm = algorithm.fitted()
    outside.require_settings(algorithm)
    return algorithm


def make_saved(name: str, settings: dict[str, Any], source: str | None = None) -> Algorithm:
    """The algorithm with the settings of a run's folder. One that it lacks was added since, and is as it was then.

    `source` is where the class of an algorithm from outside is, unless one of that name is registered.

    Raises:
        InputError: as `make`; or the class of an algorithm from outside cannot be found.
    """
    if source is not None and outside.is_registered(name):
        source = None
    if source is not None:
        name = source
    entry = look_up(name)
    before = {
        field.name: entry.formerly[field.name]
        for field in dataclasses.fields(entry.make)
        if field.name in entry.formerly and field.metadata["allowed"].takes_effect(settings)
    }
    return make(name, {**before, **settings})


def require(algorithm: Algorithm, spaces: Spaces, environment: str) -> None:
    """Raise `InputError` if `algorithm` cannot take these spaces; the line says which algorithms can."""
    reason = outside.refusal(algorithm, spaces)
    if reason is None:
        if not any(entry.make is type(algorithm) for entry in _ENTRIES):
            outside.require_sound(algorithm, spaces)
        elif isinstance(algorithm, NetworkSettings) and ":" in algorithm.network:
            # Making a network shows whether it fits.
            jax.eval_shape(lambda key: algorithm.init(key, spaces).policy, jax.random.key(0))
        return
    network = algorithm.network if isinstance(algorithm, NetworkSettings) else "auto"
    able = [entry.name for entry in _ENTRIES if _with_network(entry.make(), network).refuse(spaces) is None]
    seen = spaces.encoding.given if spaces.encoded else spaces.observation
    have = translated("observations are {observations}, actions {actions}", observations=describe(seen),
                      actions=describe(spaces.action))  # fmt: skip
    if able:
        which = translated("these can: {algorithms}", algorithms=", ".join(able))
    elif outside.refusal(_with_network(algorithm, "auto"), spaces) is None:
        which = translated("it can without {setting}", setting=said("--network", "network"))
    else:
        which = translated("no algorithm here can take these spaces")
    line = translated("{algorithm} cannot take {environment}: {reason}, but its {spaces}; {which}",
                      algorithm=algorithm.name, environment=environment, reason=reason, spaces=have,
                      which=which)  # fmt: skip
    raise InputError(line)


def given_object(algorithm: Any) -> Algorithm:
    """The algorithm object that a person gives, its settings as Python's numbers.

    Raises:
        InputError: it is no object of an algorithm's class, or a setting is not allowed.
    """
    require_object(algorithm)
    settings = {field.name: getattr(algorithm, field.name) for field in dataclasses.fields(algorithm) if field.init}
    numbers = {name: python_numbers(value) for name, value in settings.items()}
    for name, value in numbers.items():
        if isinstance(value, (np.ndarray, jax.Array)):
            raise InputError(
                translated("{algorithm}: {name} is an array of {number:,} numbers: must be a single one",
                           algorithm=algorithm.name, name=name, number=value.size)
            )  # fmt: skip
    arrays = {name: value for name, value in numbers.items() if value is not settings[name]}
    return cast("Algorithm", dataclasses.replace(algorithm, **arrays) if arrays else algorithm)


def require_object(algorithm: Any) -> None:
    """Raise `InputError` unless `algorithm` is an object of an algorithm's class whose settings are allowed."""
    kind = algorithm if isinstance(algorithm, type) else type(algorithm)
    if kind.__module__ == "builtins":  # None, a number, a list
        raise InputError(
            translated(
                "algorithm {algorithm!r} is not allowed: must be a name, such as 'dqn', or an object, such as DQN()",
                algorithm=algorithm,
            )
        )
    if not any(entry.make is kind for entry in _ENTRIES):
        outside.require_algorithm(kind, kind.__qualname__)
    if algorithm is kind:
        line = translated("algorithm {name} is a class: give an object of it, {name}()", name=kind.__qualname__)
        raise InputError(line)
    check(algorithm, algorithm.name)
    outside.require_settings(algorithm)


def _with_network(algorithm: Any, network: str) -> Any:
    """The algorithm with this kind of network, if it has networks."""
    if not isinstance(algorithm, NetworkSettings):
        return algorithm
    return dataclasses.replace(algorithm, network=network)


def require_off_policy(algorithm: Algorithm) -> None:
    """Raise `InputError` if `algorithm` learns from its own play only; one that is not listed here is trusted."""
    entry = next((entry for entry in _ENTRIES if entry.name == algorithm.name), None)
    if entry is not None and entry.policy != "off-policy":
        able = ", ".join(entry.name for entry in _ENTRIES if entry.policy == "off-policy")
        raise InputError(
            translated(
                "{algorithm} cannot learn from a dataset ({option}): it learns from its own play only ({policy}); "
                "these can: {able}",
                algorithm=algorithm.name,
                option=said("--from", "dataset="),
                policy=entry.policy,
                able=able,
            )
        )


def require_workers(algorithm: Algorithm) -> Distributed:
    """The algorithm, if it is one of workers; an `InputError` that lists those if it is not."""
    if isinstance(algorithm, Distributed):
        return algorithm
    able = ", ".join(entry.name for entry in _ENTRIES if hasattr(entry.make, "alone"))
    raise InputError(
        translated(
            "{algorithm} cannot run on the engine 'cluster': it has no workers; these have: {able}",
            algorithm=algorithm.name,
            able=able,
        )
    )
