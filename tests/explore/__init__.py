"""Explorer: every order in which a small saga can happen, on the real decide and evolve, breadth first, so the first find is the shortest.

    world.py   what can happen next: deliveries, deadlines, acts, faults; the clock is abstracted, a deadline may fire at any moment
    rules.py   what must hold for every decision and in every state
    search.py  breadth first, with the story that led to a find, and whether a good end can be reached from everywhere

The network is a set: what was sent stays deliverable any number of times, in any order, or never. `python -m tests.explore` runs more
states than the test does.

Why decisions are kept by (fold, input): the folds are few and the worlds around them are many, so the real code runs some hundred
times while some hundred thousand steps are checked.
"""
