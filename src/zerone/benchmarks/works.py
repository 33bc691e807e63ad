"""The benchmarks as data: the work, the contestants, and the claims about Zerone.

Hyperparameters of learning algorithms are CleanRL's. Contestants run different numbers of steps, so that slow ones do
not take an hour and fast ones run long enough to be timed; what is compared is steps per second.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

DQN = {
    "learning_rate": 2.5e-4,
    "discount": 0.99,
    "hidden": [120, 84],
    "batch": 128,
    "memory": 10_000,
    "learning_starts": 10_000,
    "steps_per_update": 10,
    "target_update": 500,
    "exploration_end": 0.05,
    "exploration_fraction": 0.5,
    "environments": 1,
}
PPO = {
    "learning_rate": 2.5e-4,
    "discount": 0.99,
    "trace": 0.95,
    "clip": 0.2,
    "entropy": 0.01,
    "value_weight": 0.5,
    "gradient_norm": 0.5,
    "hidden": [64, 64],
    "environments": 4,
    "horizon": 128,
    "epochs": 4,
    "minibatches": 4,
}
DDPG = {
    "learning_rate": 1e-3,
    "discount": 0.99,
    "target_step": 0.005,
    "noise": 0.1,
    "memory": 100_000,
    "learning_starts": 1_000,
    "steps_per_update": 1,
    "environments": 1,
}
SAC = {name: value for name, value in DDPG.items() if name != "noise"}
TABLE = {"learning_rate": 0.1, "discount": 0.9, "exploration_end": 0.1}

SPEED = "steps per CPU second"
TIME = "seconds from the shell"


@dataclass(frozen=True)
class Contestant:
    """A participant of a bench."""

    name: str
    peer: str
    """The library whose Python runs it; `zerone` is the running one."""
    steps: int
    warm_steps: int
    driver: str = ""
    """The file in `drivers/` if it is not `run_<peer>`."""
    engine: str = "compiled"
    changed: dict[str, Any] = field(default_factory=dict)
    """Hyperparameters that differ from the bench's."""
    rehearsed: bool = False
    """Whether to make a run that does not count first, to fill the cache of compiled programs. Compiling takes more
    memory than most trainings, and varies: it would hide the memory of the training itself."""

    @property
    def script(self) -> str:
        """The driver's file name."""
        return f"{self.driver or 'run_' + self.peer.replace('-', '_')}.py"


@dataclass(frozen=True)
class Comparison:
    """The ratio of the first contestant's measurement to the second's, and the claim about it."""

    subject: str
    other: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, ratio: float) -> bool | None:
        """Whether the claim holds; None if there is no claim."""
        if self.at_least is not None:
            return ratio >= self.at_least
        return ratio <= self.at_most if self.at_most is not None else None


@dataclass(frozen=True)
class Bench:
    """A benchmark: its work, its contestants in the order of their turns, and its comparisons."""

    name: str
    title: str
    algorithm: str
    environment: str
    hyperparameters: dict[str, Any]
    contestants: tuple[Contestant, ...]
    comparisons: tuple[Comparison, ...] = ()
    measure: str = SPEED
    seeds: int = 1
    payload_bytes: int = 0
    """The bytes of one stored step; if given, the memory cost is computed (`MemoryCost`)."""


def against(subject: str, **claims: float | None) -> tuple[Comparison, ...]:
    """Comparisons of `subject` with other contestants, each with the least ratio claimed; `_` stands for `-`."""
    return tuple(Comparison(subject, other.replace("_", "-"), at_least=claim) for other, claim in claims.items())


def on_the_maze(
    algorithm: str, title: str, hyperparameters: dict[str, Any], at_least: float = 300, share: float = 1.0
) -> Bench:
    """A bench of a tabular algorithm on the maze against a pandas table, as in tutorials.

    `share` scales the number of steps, for algorithms with expensive steps.
    """
    ours, theirs = (
        Contestant("zerone", "zerone", round(5_000_000 * share), round(500_000 * share)),
        Contestant("pandas-table", "pandas-table", round(12_000 * share), round(2_000 * share)),
    )
    text = f"{title} on the 4x4 maze, against a table in a pandas frame"
    claims = against("zerone", pandas_table=at_least)
    return Bench(f"{algorithm}-maze", text, algorithm, "zerone/Maze-v0", hyperparameters, (ours, theirs), claims)


ZERONE_DQN = Contestant("zerone", "zerone", steps=400_000, warm_steps=50_000)
ZERONE_MEMORY = replace(ZERONE_DQN, rehearsed=True)
ZERONE_PPO = Contestant("zerone", "zerone", steps=1_024_000, warm_steps=102_400)
DQN_PEERS = (
    Contestant("stable-baselines3", "stable-baselines3", 30_000, 12_000),
    Contestant("sbx", "sbx", 30_000, 12_000),
    Contestant("cleanrl", "cleanrl", 30_000, 12_000),
    Contestant("purejaxrl", "purejaxrl", 150_000, 25_000),
)
PPO_PEERS = (
    Contestant("stable-baselines3", "stable-baselines3", 40_960, 4_096),
    Contestant("sbx", "sbx", 40_960, 4_096),
    Contestant("cleanrl", "cleanrl", 30_720, 4_096),
    # As published, it prints every episode from inside of the compiled program, which halves its speed.
    Contestant("purejaxrl", "purejaxrl", 512_000, 102_400, changed={"report_episodes": True}),
    Contestant("purejaxrl, silent", "purejaxrl", 512_000, 102_400),
    Contestant("rejax", "rejax", 512_000, 0),
)
TEN = {"environments": 10, "steps_per_update": 10}
LARGE, SMALL = 1_000_000, 10_000
PRESET = {"hidden": [256, 256], "batch": 64, "memory": 50_000, "steps_per_update": 250, "updates": 125}

BENCHES = {
    bench.name: bench
    for bench in (
        Bench(
            "dqn-cartpole",
            "DQN on CartPole-v1, one environment",
            "dqn",
            "CartPole-v1",
            DQN,
            (ZERONE_DQN, *DQN_PEERS),
            against("zerone", stable_baselines3=12, purejaxrl=1.1, sbx=None, cleanrl=None),
        ),
        Bench(
            "dqn-cartpole-10",
            "DQN on CartPole-v1, ten environments at once, one update per round of them",
            "dqn",
            "CartPole-v1",
            DQN | TEN,
            (
                ZERONE_DQN,
                Contestant("purejaxrl", "purejaxrl", 300_000, 50_000),
                Contestant("rejax", "rejax", 200_000, 0),
            ),
            against("zerone", purejaxrl=None, rejax=None),
        ),
        Bench(
            "ppo-cartpole",
            "PPO on CartPole-v1",
            "ppo",
            "CartPole-v1",
            PPO,
            (ZERONE_PPO, *PPO_PEERS),
            (
                *against("zerone", stable_baselines3=22, purejaxrl=2, sbx=None, cleanrl=None, rejax=None),
                Comparison("zerone", "purejaxrl, silent"),
            ),
        ),
        Bench(
            "dqn-cartpole-host",
            "DQN on CartPole-v1, Gymnasium's own environment",
            "dqn",
            "CartPole-v1",
            DQN,
            (replace(ZERONE_DQN, steps=40_000, warm_steps=15_000, engine="host"), DQN_PEERS[0]),
            against("zerone", stable_baselines3=1.5),
        ),
        Bench(
            "ppo-cartpole-host",
            "PPO on CartPole-v1, Gymnasium's own environment",
            "ppo",
            "CartPole-v1",
            PPO,
            (replace(ZERONE_PPO, steps=61_440, warm_steps=20_480, engine="host"), PPO_PEERS[0]),
            against("zerone", stable_baselines3=1.5),
        ),
        *(
            Bench(
                f"{algorithm}-pendulum-{width}",
                f"{algorithm.upper()} on Pendulum-v1, networks of {width} and {width}, batch {width}, an update a step",
                algorithm,
                "Pendulum-v1",
                settings | {"hidden": [width, width], "batch": width},
                (
                    Contestant("zerone", "zerone", steps, 1_500),
                    Contestant("stable-baselines3", "stable-baselines3", peer_steps, 1_500),
                ),
                against("zerone", stable_baselines3=at_least),
            )
            for algorithm, settings, width, steps, peer_steps, at_least in (
                ("ddpg", DDPG, 64, 20_000, 4_000, 10),
                ("ddpg", DDPG, 256, 4_000, 2_500, 1.5),
                ("sac", SAC, 64, 15_000, 3_000, 10),
                ("sac", SAC, 256, 3_000, 2_000, 2),
            )
        ),
        on_the_maze("q-learning", "Q-learning", TABLE),
        on_the_maze("sarsa", "Sarsa", TABLE),
        on_the_maze("sarsa-lambda", "Sarsa(λ)", TABLE | {"trace": 0.9, "trace_kind": "replacing"}, at_least=1_000),
        on_the_maze("monte-carlo", "Monte Carlo control, every visit", TABLE | {"visits": "every"}),
        on_the_maze("dyna-q", "Dyna-Q with 10 planning steps", TABLE | {"planning_steps": 10}, share=0.1),
        Bench(
            "memory",
            "DQN on CartPole-v1 with a memory of 1,000,000 steps beside one of 10,000",
            "dqn",
            "CartPole-v1",
            DQN | TEN,
            (
                replace(ZERONE_MEMORY, name="zerone, 1,000,000", changed={"memory": LARGE, "environments": 1}),
                replace(ZERONE_MEMORY, name="zerone, 10,000", changed={"memory": SMALL, "environments": 1}),
                Contestant("rejax, 1,000,000", "rejax", 12_000, 0, changed={"memory": LARGE}),
                Contestant("rejax, 10,000", "rejax", 100_000, 0, changed={"memory": SMALL}),
            ),
            (
                Comparison("zerone, 1,000,000", "zerone, 10,000", at_least=0.8),
                Comparison("rejax, 1,000,000", "rejax, 10,000"),
            ),
            payload_bytes=44,  # two observations of 16 bytes; an action, a reward and a discount of 4
        ),
        *(
            Bench(
                name,
                f"DQN on CartPole-v1 with prioritised replay beside uniform replay, {sizes}",
                "dqn",
                "CartPole-v1",
                hyperparameters,
                (
                    replace(contestant, name="zerone, prioritised", changed={"prioritized": True}),
                    replace(contestant, name="zerone, uniform"),
                ),
                (Comparison("zerone, prioritised", "zerone, uniform", at_least=0.6),),
            )
            for name, sizes, hyperparameters, contestant in (
                ("prioritized", "as in dqn-cartpole", DQN, ZERONE_DQN),
                ("prioritized-preset", "sizes of its preset", DQN | PRESET, replace(ZERONE_DQN, steps=90_000)),
            )
        ),
        Bench(
            "prioritized-memory",
            "Minibatches of 128 drawn by priority from 1,000,000 remembered steps beside 10,000",
            "dqn",
            "CartPole-v1",
            DQN,
            tuple(
                Contestant(f"zerone, {size:,}", "zerone", 20_000, 1_000, driver="draw_zerone", changed={"memory": size})
                for size in (LARGE, SMALL)
            ),
            (Comparison("zerone, 1,000,000", "zerone, 10,000", at_least=0.5),),
        ),
        Bench(
            "shell",
            "From the shell to 50,000 DQN steps on CartPole-v1, saved",
            "dqn",
            "CartPole-v1",
            DQN,
            (
                Contestant("zerone, first start", "zerone", 50_000, 0, driver="shell_zerone"),
                Contestant("zerone, second start", "zerone", 50_000, 0, driver="shell_zerone"),
                Contestant("stable-baselines3", "stable-baselines3", 50_000, 0, driver="shell_stable_baselines3"),
            ),
            (
                Comparison("zerone, first start", "stable-baselines3", at_most=1 / 2),
                Comparison("zerone, second start", "stable-baselines3", at_most=1 / 4),
            ),
            measure=TIME,
        ),
        Bench(
            "seeds",
            "DQN on CartPole-v1, 32 seeds at once, ten environments each, steps of all seeds together",
            "dqn",
            "CartPole-v1",
            DQN | TEN,
            (
                Contestant("zerone", "zerone", 40_000, 15_000),
                Contestant("purejaxrl", "purejaxrl", 40_000, 15_000),
                Contestant("rejax", "rejax", 12_000, 0),
            ),
            against("zerone", purejaxrl=None, rejax=None),
            seeds=32,
        ),
        Bench(
            "seeds-ppo",
            "PPO on CartPole-v1, 32 seeds at once, steps of all seeds together",
            "ppo",
            "CartPole-v1",
            PPO,
            (
                Contestant("zerone", "zerone", 81_920, 20_480),
                Contestant("purejaxrl", "purejaxrl", 40_960, 10_240),
                Contestant("rejax", "rejax", 40_960, 0),
            ),
            against("zerone", purejaxrl=None, rejax=None),
            seeds=32,
        ),
        Bench(
            "arms",
            "256 robot arms at once, random actions, nothing learns, against plain NumPy, one by one",
            "random",
            "zerone/ArmHard-v0",
            {"environments": 256, "mode": "hard"},
            (
                Contestant("zerone", "zerone", 30_720_000, 5_120_000, driver="step_zerone"),
                Contestant("numpy", "zerone", 120_000, 20_000, driver="step_numpy"),
            ),
            against("zerone", numpy=300),
        ),
    )
}
USUAL = ("dqn-cartpole", "ppo-cartpole")
