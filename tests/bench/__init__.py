"""How fast it is, and how much of the machine that takes: `make bench`, or `python -m tests.bench --rows happy,failing`.

    shop.py         the saga that is measured: four steps, each with a participant of its own
    world.py        customers and participants that answer at once, in one process of their own (the sparring partner)
    servers.py      a broker and a database that keep what they acknowledge; what a process has used
    stored.py       sagas that are there already, by the million
    stage.py        servers, replicas and the world for one measurement
    measure.py      one run, and what it shows
    verify.py       what must be true of a run before its figures count
    rows.py         the table: what is measured, and against which goal (figures.py)
    grown.py        its rows about much that is stored, under way, due or waiting
    application.py  its row of the whole reference application
    sdk_row.py      its row of the SDK (till.py) against a handler by hand (by_hand.py)
    core_row.py     its row of the pure core
    profile.py      where a replica's time goes
    peers/          the same orders by others

Every figure is of one machine on which everything runs: broker, database, coordinator, participants and customers, and each process is
counted. A run whose results are wrong has no figures. No test asserts a time: CI runs a short bench and looks at the results alone.
"""
