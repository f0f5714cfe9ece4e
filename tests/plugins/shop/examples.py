"""How many examples the property tests of the shop look at: few in the suite, as many as TRESEN_EXAMPLES says else."""

from __future__ import annotations

import os

import hypothesis

NUMBER = int(os.environ.get("TRESEN_EXAMPLES", "25"))

EXAMPLES = hypothesis.settings(max_examples=NUMBER)
