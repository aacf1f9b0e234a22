"""Runs commands of one flwr in one process: a list of [folder, arguments] as JSON on stdin, their outcomes on stdout.

Starting flwr costs more than a second; what is compared is the same code.
"""

import json
import os
import sys

from flwr.cli.app import app
from typer.testing import CliRunner

outcomes = []
for folder, arguments in json.load(sys.stdin):
    os.chdir(folder)
    result = CliRunner().invoke(app, arguments)
    outcomes.append({"exitCode": result.exit_code, "output": result.output})
print("\n" + json.dumps(outcomes))
