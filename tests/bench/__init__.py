"""How fast it is, and how much of the machine that takes: `make bench`, or `python -m tests.bench --rows happy,failing`.

    shop.py      the saga that is measured: four steps, each with a participant of its own
    world.py     customers and participants that answer at once, in one process of their own (the sparring partner)
    stage.py     servers, replicas and the world for one measurement, and what each process has used
    verify.py    what must be true of a run before its figures count
    core_row.py  the pure core alone
    rows.py      the table: what is measured, and against which goal

Every figure is of one machine on which everything runs: broker, database, coordinator, participants and customers, and each process is
counted. A run whose results are wrong has no figures. No test asserts a time: CI runs a short bench and looks at the results alone.
"""
