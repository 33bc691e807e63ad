"""Resuming a run from its newest checkpoint."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from zerone.base.modules import ForeignId
from zerone.environments.gym.processes import asked_for
from zerone.offline import source
from zerone.training.callback_sources import CallbackLike, as_listeners
from zerone.training.columns import columns
from zerone.training.drive import drive
from zerone.training.engine_setup import open_environments, start_workers
from zerone.training.entry import entry
from zerone.training.environment_setup import EnvironmentLike
from zerone.training.folder import RunFolder
from zerone.training.memory_limit import require_room
from zerone.training.progress import OnProgress, ignore
from zerone.training.run import Run, engine_of
from zerone.training.schedule import Schedule
from zerone.training.schema import naming
from zerone.training.spreading import spread_over
from zerone.training.unknown_arguments import answering
from zerone.training.validation import MOST_STEPS, require_count


@answering
@entry
def resume(
    path: str | os.PathLike[str], environment: EnvironmentLike | None = None, chunk: int | None = None,
    on_progress: OnProgress = ignore, dataset: str | Path | None = None, address: str | None = None,
    worker_timeout: float | None = None, progress: bool | None = None, *, step_timeout: float | None = None,
    callbacks: Sequence[CallbackLike] | None = None, spread: int | None = None, processes: int | None = None,
    replace_lost: bool = False,
) -> Run:  # fmt: skip
    """Continue a run from its newest checkpoint; on the compiled engine with the same bits as without interruption.

    `environment` is needed only if the run was started with one that has no id; `dataset` only if the run's dataset was
    moved. `step_timeout`, `spread`, and with that or the cluster engine `address` and `worker_timeout`, must be given
    each time; `processes` and `replace_lost` only to change them. Callback objects must be given again, too; callbacks
    given by name are recreated, unless `callbacks` is given.

    Raises:
        InputError: there is no run at `path`, it is being written to, or a checkpoint is damaged or of another run.
        RunError, KeyboardInterrupt: as for `train`.
    """
    require_count("chunk", 1 if chunk is None else chunk, MOST_STEPS)
    apart = asked_for(processes, replace_lost)
    with RunFolder.resume(path) as folder:
        named = [ForeignId(each) for each in folder.config["callbacks"]]
        listeners = as_listeners(named if callbacks is None else callbacks, progress, on_progress)
        driver = engine_of(folder, environment, apart)
        try:
            listeners.require_columns(columns(driver.algorithm))
            with naming(folder.config_path):
                schedule = Schedule.read(folder.config)
                schedule.timetable(driver.algorithm)
                by_episodes = schedule.episodes is not None
                require_room(driver, folder.config["environment"]["id"], len(schedule.seeds), by_episodes)
            source.go_on(driver, folder.config, folder.path, dataset)
            name, seeds = folder.config["environment"]["id"], len(schedule.seeds)
            driver = spread_over(driver, spread, name, seeds, apart is not None)
            open_environments(driver, schedule.seeds[0])
            start_workers(driver, address, worker_timeout, step_timeout)
            return drive(driver, folder, schedule, listeners, resume=True, chunk=chunk)
        finally:
            driver.close()
