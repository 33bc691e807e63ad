"""`zerone export`: writes a trained policy to a file that needs no Zerone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zerone.base.language import translated
from zerone.cli import output
from zerone.cli.options import (
    LARGEST_SEED,
    Place,
    Whole,
    debug_option,
    import_trusted,
    json_option,
    read_config,
    trust_option,
)
from zerone.cli.options import as_json as print_json
from zerone.export.formats import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    epilog="""\b
    What each kind needs where it is used:
      .onnx        onnxruntime, or anything else that runs ONNX
      .npz         NumPy, and the one file src/zerone/export/player.py
      .stablehlo   JAX; any algorithm and network, from elsewhere too

    \b
    Examples:
      zerone export runs/dqn-CartPole-v1-1 policy.onnx
      zerone export runs/ppo-Pendulum-v1-1 policy.npz --seed 3"""
)
@click.argument("run", type=Place("RUN"), metavar="RUN")
@click.argument("file", type=Place("FILE", *SUFFIXES), metavar="FILE")
@click.option("--seed", "--agent", "seed", type=Whole(0, LARGEST_SEED), metavar="SEED",
              help="Whose policy, of the run's seeds. Default: first.")  # fmt: skip
@click.option("--checkpoint", default="best", metavar="best|last|STEP|FILE", help="Which policy. Default: best.")
@trust_option
@json_option
@debug_option
def export(run: Path, file: Path, seed: int | None, checkpoint: str, trust: bool, as_json: bool) -> None:
    """Write the greedy policy of RUN to FILE: from what the environment returns to the action that it takes.

    The ending of FILE says which kind. Before it is written, the policy in it is checked against ours on 1,000
    observations, of episodes where there is somewhere to play. An earlier FILE is replaced.
    """
    with output.apart(quiet=False) as streams:
        import_trusted(read_config(run), trust)
        from zerone.training.run import load

        loaded = load(run)
        try:
            found = loaded.export(file, seed, checkpoint)
        finally:
            loaded.engine().close()
        if as_json:
            print_json({"run": str(run), **found}, streams.results)
            return
    click.echo(translated(
        "{file}: {algorithm} on {environment}, seed {seed}, {checkpoint}, {bytes:,} bytes; {check}", file=found["file"],
        algorithm=found["algorithm"], environment=found["environment"], seed=found["seed"],
        checkpoint=found["checkpoint"], bytes=found["bytes"], check=found["check"],
    ))  # fmt: skip
