"""Options of a search at decision time (lookahead or tree search): its validation, limits and model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax

from zerone.algorithms.dyna_q import DynaQ
from zerone.algorithms.protocol import Discounting, Valued, initial_memory
from zerone.base.errors import InputError
from zerone.base.language import translatable, translated
from zerone.engines.compiled import Compiled
from zerone.engines.lookahead import AT_ONCE, Lookahead
from zerone.engines.protocol import Engine
from zerone.engines.search import LARGEST_WORK, LearntModel, Search, WithModel, is_stochastic
from zerone.engines.tree_search import TreeSearch
from zerone.environments.spaces import count
from zerone.training import checkpoint
from zerone.training.folder import RunFolder
from zerone.training.policy_files import find_policies

MOST_SAMPLES = 256
"""Default maximum of samples per action if transitions are random: the values of neighbouring states often differ by
less than the error of a mean of few samples. There are fewer if that many would take too long."""
MOST_DEPTH, MOST_SIMULATIONS = 64, 100_000
MODELS = ("environment", "learnt")
WHO_CAN = translatable("tables and dqn can, on environments written in JAX")


@dataclasses.dataclass(frozen=True)
class Asked:
    """The options: N steps of lookahead with K samples, or M simulations of a tree search, and the model of both."""

    lookahead: int = 0
    lookahead_samples: int | None = None
    simulations: int = 0
    lookahead_model: str = "environment"

    def __post_init__(self) -> None:
        _require("lookahead", self.lookahead, 0, MOST_DEPTH)
        _require("simulations", self.simulations, 0, MOST_SIMULATIONS)
        if self.lookahead and self.simulations:
            raise InputError(translated("lookahead and simulations exclude each other"))
        if self.lookahead_samples is not None:
            _require("lookahead_samples", self.lookahead_samples, 1, LARGEST_WORK)
            if not self.lookahead:
                raise InputError(
                    translated(
                        "lookahead_samples = {lookahead_samples} is not allowed without lookahead",
                        lookahead_samples=self.lookahead_samples,
                    )
                )
        if self.lookahead_model not in MODELS:
            raise InputError(
                translated(
                    "lookahead_model = {lookahead_model!r} is not allowed: must be environment or learnt",
                    lookahead_model=self.lookahead_model,
                )
            )
        if self.learnt and not (self.lookahead or self.simulations):
            raise InputError(translated("lookahead_model = 'learnt' is not allowed without lookahead or simulations"))

    @property
    def learnt(self) -> bool:
        """Whether the model is the one learned in training."""
        return self.lookahead_model == "learnt"

    def search(self, engine: Engine) -> Search | None:
        """The search for an engine's environment; None if no search is wanted.

        Raises:
            InputError: the environment does not support a search, or not of this depth.
        """
        if not (self.lookahead or self.simulations):
            return None
        named = f"simulations = {self.simulations}" if self.simulations else f"lookahead = {self.lookahead}"
        refused = _refused(engine)
        if refused or not isinstance(engine, Compiled):
            raise InputError(
                translated(
                    "{named} is not allowed: {refused}; {who_can}",
                    named=named,
                    refused=refused,
                    who_can=translated(WHO_CAN),
                )
            )
        if self.learnt and not isinstance(engine.algorithm, DynaQ):
            raise InputError(
                translated(
                    "lookahead_model = 'learnt' is not allowed: {algorithm} learns no model of the environment; "
                    "dyna-q does",
                    algorithm=engine.algorithm.name,
                )
            )
        if self.simulations:
            return TreeSearch(self.simulations)
        chance = not self.learnt and is_stochastic(engine.evaluation_environment)
        if self.lookahead_samples not in (None, 1) and not chance:
            raise InputError(
                translated(
                    "lookahead_samples = {lookahead_samples} is not allowed: what a step leads to is not left to "
                    "chance here, so that one sample has all of it",
                    lookahead_samples=self.lookahead_samples,
                )
            )
        actions = count(engine.spaces.action, "action")
        samples = self.lookahead_samples or (_samples_that_fit(self.lookahead, actions) if chance else 1)
        found = Lookahead(self.lookahead, actions, samples)
        if found.work > LARGEST_WORK:
            raise InputError(translated("{named} is not allowed: {why}", named=named, why=_too_many(found)))
        return found


def _require(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise InputError(
            translated(
                "{name} = {value!r} is not allowed: must be a whole number from {least} to {most}",
                name=name,
                value=value,
                least=least,
                most=most,
            )
        )


def _refused(engine: Engine) -> str | None:
    """Why an engine supports no search; None if it does."""
    algorithm = engine.algorithm
    if not isinstance(engine, Compiled):
        return translated("the {engine} engine's environments cannot be asked what would follow", engine=engine.name)
    if not isinstance(algorithm, Valued) or not isinstance(algorithm, Discounting):
        return translated("{algorithm} learns no value Q(s, a) of each action", algorithm=algorithm.name)
    memory = jax.eval_shape(lambda policy: initial_memory(algorithm, policy, 1), engine.policy_example())
    remembers = translated("the network of this {algorithm} remembers", algorithm=algorithm.name)
    return remembers if jax.tree.leaves(memory) else None


def _samples_that_fit(depth: int, actions: int) -> int:
    """The number of samples per action that is affordable, from 1 to `MOST_SAMPLES`."""
    fit = (each for each in range(MOST_SAMPLES, 1, -1) if Lookahead(depth, actions, each).work <= AT_ONCE)
    return next(fit, 1)


def _too_many(found: Lookahead) -> str:
    """The error text for a lookahead with too many futures, with values that would fit."""
    depth = found.depth
    while depth > 1 and dataclasses.replace(found, depth=depth).work > LARGEST_WORK:
        depth -= 1
    fits = dataclasses.replace(found, depth=depth)
    each = (
        translated("{actions} actions of {samples} samples each", actions=found.actions, samples=found.samples)
        if found.samples > 1
        else translated("{actions} actions", actions=found.actions)
    )
    advice = (
        translated("lookahead = {depth} has {work:,}", depth=depth, work=fits.work)
        if fits.work <= LARGEST_WORK
        else translated("take fewer samples")
    )
    return translated(
        "{each} have {work:,} futures in {depth} steps, at most {most:,} are compared; {advice}",
        each=each,
        work=found.work,
        depth=found.depth,
        most=LARGEST_WORK,
        advice=advice,
    )


def with_models(policies: Mapping[int, object], engine: Engine, folder: RunFolder, which: str) -> dict[int, object]:
    """The policies by seed, each with the model learned in its training: from the given checkpoint, or the last one.

    Raises:
        InputError: no model was learned, or none was saved.
    """
    assert isinstance(engine.algorithm, DynaQ)  # noqa: S101 - `Asked.search` has looked
    if engine.algorithm.planning_steps == 0:
        raise InputError(
            translated("lookahead_model = 'learnt' is not allowed: with planning_steps = 0 dyna-q learns no model")
        )
    path, inside = find_policies(folder, which)
    if not inside:  # a file of the best policies contains no model
        path, inside = find_policies(folder, "last")
    arrays, _ = checkpoint.load(path)
    example = engine.saved_example().state.model
    found: dict[int, object] = {}
    for seed, policy in policies.items():
        prefix = f"seed-{seed}/{inside}model/"
        kept = {name: array for name, array in arrays.items() if name.startswith(prefix)}
        model = checkpoint.restore(example, kept, path=path, what=translatable("checkpoint"), prefix=prefix)
        found[seed] = WithModel(policy, LearntModel(model.reward, model.following, model.terminated, model.allowed))
    return found
