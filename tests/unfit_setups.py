"""Set-ups that the page's server must refuse. Each replaces entries of a valid set-up."""

from __future__ import annotations

from typing import Any

MAZE = {"algorithm": "q-learning", "environment": "zerone/Maze-v0"}

REFUSED: dict[str, dict[str, Any]] = {
    "a module": {"algorithm": "os:system"},
    "an unknown algorithm": {"algorithm": "q-lerning"},
    "an unknown environment": {"environment": "Nowhere-v0"},
    "a module as an environment": {"environment": "my_code:Maze-v0"},
    "one of Gymnasium's": {"environment": "CliffWalkingSlippery-v1"},
    "a module as a network": {"algorithm": "dqn", "environment": "CartPole-v1", "settings": {"network": "evil:Net"}},
    "a module as a reward": {"options": {"reward": "evil:reward"}},
    "a file as a layout": {"options": {"layout": "maze.txt"}},
    "a path as a layout": {"options": {"layout": "/etc/passwd"}},
    "a maze that is too large": {"options": {"layout": ["." * 10_000]}},
    "a maze without a goal": {"options": {"layout": ["S.."]}},
    "markup in a maze": {"options": {"layout": ["<b>"]}},
    "out of range": {"settings": {"learning_rate": 2}},
    "no number": {"settings": {"discount": "<script>"}},
    "an unknown setting": {"settings": {"lamda": 0.5}},
    "an object": {"settings": {"discount": {"a": 1}}},
    "no seed": {"seed": -1},
    "no whole seed": {"seed": 1.5},
    "something else": {"callback": "evil"},
    "a memory of terabytes": {"algorithm": "dqn", "environment": "CartPole-v1", "settings": {"memory": 2_000_000_000}},
    "an update of hours": {"algorithm": "dyna-q", "settings": {"planning_steps": 1_000_000_000}},
    "a network of gigabytes": {"algorithm": "dqn", "environment": "CartPole-v1", "settings": {"hidden": [100_000]}},
    "a hundred layers": {"algorithm": "dqn", "environment": "CartPole-v1", "settings": {"hidden": [8] * 100}},
    "a pair that does not fit": {"environment": "CartPole-v1"},
}
