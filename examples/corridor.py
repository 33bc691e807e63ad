"""A Gymnasium environment of your own, trained without changing anything in Zerone.

    zerone train q-learning corridor:Corridor-v0 --steps 20000     importing this module registers the id
    python corridor.py                                             or a function that makes one, from Python

Run both in the folder of this file. The environment runs on the host engine, which plays any Gymnasium environment.
"""

import gymnasium

import zerone as zo


class Corridor(gymnasium.Env[int, int]):
    """Walk right to the end of a corridor: -0.1 for each step, 1 for the end. Sometimes the floor is slippery."""

    def __init__(self, length: int = 8) -> None:
        self.observation_space = gymnasium.spaces.Discrete(length)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.length = length
        self.place = 0

    def reset(self, *, seed=None, options=None):
        """Begin at the left end."""
        super().reset(seed=seed, options=options)
        self.place = 0
        return self.place, {}

    def step(self, action):
        """Action 1 goes right, 0 goes left; one step in ten slips the other way."""
        right = (action == 1) != (self.np_random.random() < 0.1)
        self.place = max(0, self.place + (1 if right else -1))
        terminated = self.place == self.length - 1
        return self.place, 1.0 if terminated else -0.1, terminated, False, {}


gymnasium.register("Corridor-v0", entry_point=Corridor, max_episode_steps=100)


def make() -> gymnasium.Env[int, int]:
    """A longer one, with its time limit."""
    return gymnasium.wrappers.TimeLimit(Corridor(length=12), 100)


def main() -> None:
    """Train on it, and print what the table says in each place."""
    run = zo.train(zo.QLearning(discount=0.95), make, steps=20_000)
    agent = run.agent()
    print(f"mean return: {run.evaluate(episodes=100)['return_mean']:.2f}")
    print("policy: " + "".join("<>"[int(agent.act(place))] for place in range(11)) + "*")


if __name__ == "__main__":
    main()
