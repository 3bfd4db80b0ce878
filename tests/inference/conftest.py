"""The hostile nulls are the benchmark's: tests gate on them, the benchmark prints them."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
