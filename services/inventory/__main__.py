"""`python -m services.inventory`: settings in the environment, see saga/sdk/settings.py."""

from saga.sdk.serve import main
from services.inventory.app import build_app, parts

if __name__ == "__main__":
    raise SystemExit(main(parts, build_app))
