"""What every rung of the proof has in common: how it is asked, how it judges, and how its run is kept.

    report.py     counts, faults that fired, a verdict per invariant; text or one JSON line; the page of a campaign
    asking.py     the options that each rung knows: --seed, --max-seconds, --json, --record

A rung is a command (`python -m tests.<room>`) that tries to make the coordinator lose something or do it twice. It says what it
checked and how often: an invariant that was checked zero times has no verdict, it has no place in the report.

Why a fault that never fired fails the run (I21): a run without the fault proves nothing about it, and nobody reads the counts of a
run that is green.
"""
