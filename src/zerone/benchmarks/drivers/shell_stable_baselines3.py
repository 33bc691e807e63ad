"""A user's script with Stable-Baselines3: import, train, save. The harness times the process."""

from __future__ import annotations

import json

import torch
from run_stable_baselines3 import build
from stopwatch import peak_megabytes, work_from_command_line

if __name__ == "__main__":
    work = work_from_command_line()
    torch.set_num_threads(1)
    model = build(work).learn(work.steps)
    model.save("model")
    print(json.dumps({"peak_megabytes": peak_megabytes()}))
