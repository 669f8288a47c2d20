"""Planted defects: is the ladder without holes? Each defect is put into a copy of the tree, and the rung that is named must turn red.

    planted.py          what a defect is: edits of the source, a story, a rung and its budget
    in_the_core.py      of decide, evolve and effects, mostly found by the search (tests/explore)
    in_the_runtime.py   of the loops, the store, the clients and the participant's barrier, found by one test file each
    in_an_upgrade.py    of what the next release decides otherwise, found by recorded histories (tests/upgrade)
    hunting.py          a copy of the tree, the rung, and what it said

A rung is run on the sound tree too: one that is red there proves nothing. A rung that falls over has found nothing either; it must come
to its own verdict, in its own time. An edit that no longer fits the source is a failure: the defect must be planted anew.

Why edits of the text and no switches in the product: a switch is code that ships. Why one test file and not all tests: a defect that is
found somewhere by chance says nothing about the rung that is meant to find it.
"""
