"""A card network: an outside party, simulated. It holds the customers' money and keeps its own books; no service shares them.

    domain.py    whom it believes, pure          store.py    its books: accounts and authorizations, in a schema of their own
    network.py   what a caller sees: latency, and time-outs after which the money is held or is not

Every call carries a key of the caller's. The same key is the same call, for ever: the second one gets the first answer and changes
nothing. So who was killed, or heard nothing in time, asks again with the same key and finds out what happened.

Why its books are in Postgres and not in memory: a network that forgets when its customer's process dies would hide every fault that a
restart can have. Why not in the payment service's tables: what is outside cannot be part of our transaction, and this must show.
"""
