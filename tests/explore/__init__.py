"""Explorer: every order in which a small saga can happen, on the real decide and evolve, breadth first, so the first find is the shortest.

    world.py     what can happen next: deliveries, deadlines; the clock is abstracted, a deadline may fire at any moment (timeless.py)
    people.py    what a person does                 faults.py    loss, a participant that forgets, a database restored from a backup
    replicas.py  two replicas with caches that grow stale, the real Plan, and a crash between any two durable steps
    rules.py     what must hold for every decision    truths.py   and in every state of the world
    search.py    breadth first, with the story that led to a find, and whether a good end can be reached from everywhere
    shapes.py    the small sagas, and what may go wrong in each

The network is a set: what was sent stays deliverable any number of times, in any order, or never. `make explore` runs more states than
the test does; a shape of which all states were seen is called complete.

Why decisions are kept by (fold, input): the folds are few and the worlds around them are many, so the real code runs some hundred
times while some hundred thousand steps are checked.

Why replicas know no versions: in a fold without time its number stands for its version. The batch that `Plan` makes demands a number, and
the model's database refuses another one, as the real database refuses a version.
"""
