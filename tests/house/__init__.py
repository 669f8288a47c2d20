"""The house: is the code base in order? `python -m tests.house` prints every fault once; `pytest tests/house` says the same as tests.

    tools.py       format, lint, types, imports: ruff, mypy and import-linter, with the settings of pyproject.toml
    sizes.py       no long file, function, class or signature
    names.py       no drawer for everything: utils, common, helpers, models, manager
    purity.py      the core has no clock; replay reaches nothing that sends
    addresses.py   nothing in the tree knows a registry or somebody's machine
    surface.py     the public names are those that are written down
    settings.py    every environment variable stands in docs/settings.md, which is generated
    readme.py      the README's code is the code, its commands exist, its files exist
    locks.py       the locks fit pyproject.toml and every package in them has a hash

A check is a function from a `Tree` to faults, so a test can plant a fault in a small tree and see it found. A warning is printed and
fails nothing.

Why the tools run here and not only in an editor: a rule that one command does not show is a rule that somebody does not follow.
"""
