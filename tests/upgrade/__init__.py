"""Rung 8: an upgrade loses nothing, and what was recorded once is decided the same for ever (design 4.9, hazards S12 and P8, I8).

    corpus/       histories of every release with the code of their definitions, and LEDGER with the hash of each file; only grows
    shapes.py     the small sagas that are recorded, in the words of an author
    walk.py       stories of them by chance            recording.py  stories of a real coordinator's orders
    release.py    adds a release to the corpus         ledger.py     nothing in it is ever changed
    judging.py    I8 for the corpus
    tree.py       another release, exported from git   town.py       servers, replicas and participants of either release
    rolling.py    forward, back, forward, under load   checking.py   the judgement, from tables and topics

    python -m tests.upgrade --corpus-only              seconds, no server
    python -m tests.upgrade --cycles 50 --record       the campaign; `--from REV` for another old release
    python -m tests.upgrade.release r0002              once before a release is given away

What breaks I8 for a recorded history and is meant so? Nothing. A changed rule of `decide` gets a schema version of the event that it
reads, or waits until sagas that are under way have ended: an upgrade comes in the middle of them.

Why the definitions are copied into the corpus: a builder may be mended without a new version (design 3), and then decides otherwise for
good reasons. The copy is what shows that the core has not changed.

Why the old release runs from an exported tree with today's packages: an upgrade of ours is what is tested, not one of asyncpg.
"""
