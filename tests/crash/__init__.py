"""Crash points (hazards L3): real processes on real PostgreSQL and Kafka die, stop or lose the network at every await, one at a time.

    python -m tests.crash --points intake,relay --modes before,after --shapes completed,doubt --max-seconds 60

    weaving.py   at import, from outside: every await of the product gets a name; the product has no line for it
    points.py    in the process: counts the places that are passed, and strikes at the one that is armed
    wire_cut.py  an event loop whose connections lose answers (acknowledgement lost) or break
    subject.py   what the processes are: a replica, a participant, a rebuild; forked by nursery.py from one that has imported it all
    shop.py      the definitions and the participant that is asked; shapes.py: eight stories and their ends
    lane.py      cases that follow each other, on a ground (ground.py) with a cast (cast.py, crew.py) of their own; several lanes run
                 side by side on one Kafka and one PostgreSQL
    evidence.py  what both sides have written down, and the topics, read with confluent-kafka; judge.py: the invariants
    planted.py   defects that the rung must find; rung.py: the command

Which cases there are nobody writes down. A dry run of each shape records the places that it passes; each place in each mode is a case, so
a new await is a new case. Two places between which nothing went over the network are one crash for everybody but the process that dies:
it is tried at one of them (`--every` tries all). Cases are taken so that each place comes once before any comes twice: a run that is cut
short has seen as many places as it could. Which arrival at a place is struck is drawn from the seed.

While a killed process is dead, and twice a second until everything has come to rest, offsets are compared with databases (I11), and
awaited commands with topic and outbox (I4): the deadlines heal what is lost here, so at rest it would not show. Then the judge reads.

Why a stopped process is stopped for three seconds and not for ten: sessions, claims and time limits of the servers are shortened with
it, so that another has taken over by then, transactions were ended and claims have passed, as they have after ten (subject.py).

What a run does not show: a power cut, for PostgreSQL runs without fsync here and neither server is killed.
"""
