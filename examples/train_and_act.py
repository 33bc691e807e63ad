"""Train DQN on CartPole, then let the agent play in Gymnasium's own CartPole: `python examples/train_and_act.py`."""

import gymnasium

import zerone as zo


def main() -> None:
    """Train, evaluate, and play one episode step by step."""
    run = zo.train("dqn", "CartPole-v1", seed=0)
    print(f"run folder: {run.path}")
    print(f"mean return of 100 greedy episodes: {run.evaluate(episodes=100)['return_mean']:.1f}")

    agent = zo.load(run.path).agent()  # as another program would, from the folder alone
    environment = gymnasium.make("CartPole-v1")
    observation, _ = environment.reset(seed=7)
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = environment.step(agent.act(observation))
        total, over = total + float(reward), terminated or truncated
    print(f"one episode in Gymnasium's environment: {total:.0f}")


if __name__ == "__main__":
    main()
