"""``python -m homologue`` is the command ``homologue``."""

import sys

from homologue.cli import main

if __name__ == "__main__":
    sys.exit(main())
