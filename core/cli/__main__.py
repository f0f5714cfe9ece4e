"""`python -m core.cli`: the command `tresen` without an installed script."""

import sys

from core.cli import main

sys.exit(main())
