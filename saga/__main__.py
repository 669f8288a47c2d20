"""`python -m saga` is the `saga` command."""

from saga.cli import main

if __name__ == "__main__":
    main()
