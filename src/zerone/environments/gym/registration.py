"""Our environments under their names in Gymnasium: `gymnasium.make("zerone/Maze-v0")`.

Gymnasium up to 0.29 calls `register` by itself, through the entry point in our package's metadata. Since 1.0 it loads
no plugins: importing `zerone.environments` registers them, as does naming it before the id,
`gymnasium.make("zerone.environments:zerone/Maze-v0")`. In both cases nothing slow is imported before `make`.
"""

from __future__ import annotations

from gymnasium.envs import registration

from zerone.environments import catalogue


def register() -> None:
    """Register every environment of the catalogue with Gymnasium, unless it is registered already."""
    for entry in catalogue.entries():
        if entry.registered_id in registration.registry:
            continue
        registration.register(
            id=entry.registered_id,
            entry_point="zerone.environments.gym.bridge:GymnasiumEnvironment",
            reward_threshold=entry.threshold,
            max_episode_steps=entry.limit or None,
            kwargs={"environment": entry.id},
        )
