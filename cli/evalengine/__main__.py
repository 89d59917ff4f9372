"""`python -m evalengine`: the command line, without the console script."""

from __future__ import annotations

import sys

from evalengine.terminal.app import main

if __name__ == "__main__":
    sys.exit(main())
