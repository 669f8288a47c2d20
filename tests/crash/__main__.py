"""`python -m tests.crash`, also `make crash`."""

import sys

from tests.crash.rung import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
