"""`python -m deepdist`: the same as the command `deepdist`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
