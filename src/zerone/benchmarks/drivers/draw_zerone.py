"""Zerone's prioritised replay alone: a step samples a minibatch from a full memory."""

from __future__ import annotations

from stopwatch import Moment, Report, work_from_command_line

REPEATS = 5


def main() -> None:
    """Sample many minibatches in one compiled loop, several times, and report the fastest."""
    work, report = work_from_command_line(), Report()
    import jax
    import jax.numpy as jnp

    from zerone.parts.replay import Prioritized

    report.imported()
    capacity, batch = work.h["memory"], work.h["batch"]
    replay, key = Prioritized(capacity), jax.random.key(work.seed)

    @jax.jit
    def full() -> object:
        memory = replay.init({"n": jax.ShapeDtypeStruct((), jnp.int32)})
        memory = replay.add(memory, {"n": jnp.arange(capacity, dtype=jnp.int32)})
        error = jax.random.uniform(key, (capacity,))
        tree = replay.update_priorities(memory.priorities, jnp.arange(capacity, dtype=jnp.int32), error)
        return memory.__class__(memory.data, memory.cursor, memory.size, tree)

    @jax.jit
    def draw(memory: object, noise: jax.Array, count: jax.Array) -> jax.Array:
        def one(i: jax.Array, total: jax.Array) -> jax.Array:
            slots, weights = replay.sample(memory, noise[i % len(noise)], 0.5)
            return total + slots.sum() * weights.sum()

        return jax.lax.fori_loop(0, count, one, jnp.float32(0))

    memory, noise = jax.block_until_ready((full(), replay.noise(key, (256, batch))))
    draw(memory, noise, jnp.int32(work.warm_steps)).block_until_ready()
    times: list[tuple[Moment, Moment]] = []
    for _ in range(REPEATS):
        begin = Moment.now()
        draw(memory, noise, jnp.int32(work.steps)).block_until_ready()
        times.append((begin, Moment.now()))
    report.steady(work.steps, *min(times, key=lambda pair: pair[1].cpu - pair[0].cpu))
    report.emit()


if __name__ == "__main__":
    main()
