"""What a callback is made of, for `zo.callbacks`: the events, the class to make one from, and our trackers."""

from __future__ import annotations

from zerone.training.events import Callback as Callback
from zerone.training.events import Control as Control
from zerone.training.events import Ended as Ended
from zerone.training.events import Evaluated as Evaluated
from zerone.training.events import Event as Event
from zerone.training.events import Preparing as Preparing
from zerone.training.events import Progress as Progress
from zerone.training.events import Rows as Rows
from zerone.training.events import Saved as Saved
from zerone.training.events import Saving as Saving
from zerone.training.events import Started as Started
from zerone.training.listeners import CallbackError as CallbackError
from zerone.training.trackers.mlflow import MLflow as MLflow
from zerone.training.trackers.swanlab import SwanLab as SwanLab
from zerone.training.trackers.tracker import Tracker as Tracker
from zerone.training.trackers.trackio import Trackio as Trackio
from zerone.training.trackers.wandb import WandB as WandB
