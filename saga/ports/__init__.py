"""Ports: what the runtime needs of a database and of a log, as small Protocols and plain frozen records.

`streams` is the database (one transaction a batch, design section 7), `messaging` is the log (at least once, nothing more).

Each port has one conformance suite under tests/conformance that runs on memory and on the real thing; the memory
implementation in saga/testing is trusted because it passes the same suite.
"""
