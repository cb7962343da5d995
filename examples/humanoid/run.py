"""Seven agents design a humanoid robot: `python examples/humanoid/run.py --help`."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # So that it runs from anywhere, without having been installed.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

    from humanoid.runner import main

    sys.exit(main())
