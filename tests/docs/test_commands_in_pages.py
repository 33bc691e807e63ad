"""What the pages tell a reader to type works as printed."""

from __future__ import annotations

import os
import re
import shlex
import sys

import click
import gymnasium
import pytest

from zerone.cli.app import COMMANDS, run, zerone
from zerone.cli.options import option_names
from zerone.cli.settings import _known_options
from zerone.runs import run as runs

READMES = ["README.md", "README.zh.md"]
PAGES = [*READMES, "CONTRIBUTING.md", *(f"docs/{each}" for each in os.listdir(runs.__file__ and "docs") if each.endswith(".md"))]
