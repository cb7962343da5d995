"""Makes the example importable: it is a program of its own, no part of the package."""

from __future__ import annotations

import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path[:0] = [str(EXAMPLES), str(Path(__file__).parent)]
