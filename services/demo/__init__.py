"""The reference application's demonstration: orders of every kind, and the check of the services' own ledgers.

`saga demo` starts the servers and processes and asks this package, by name, for four things: which processes to run and with which
environment (`processes`), the orders (`orders`), how to place one (`place`), and what the ledgers say (`figures`).

Why here and not in `saga`: the coordinator knows nothing of orders and payments; another application brings its own demonstration.
"""
