"""The reference application: four services that fulfil orders, each a participant with its own schema and its own process.

    python -m services.order        takes orders (POST /orders), accepts, rejects, confirms; owns the saga: order/fulfilment.py
    python -m services.payment      accounts: hold, let go, capture
    python -m services.inventory    stock: reserve, release, ship out
    python -m services.shipping     labels from a carrier that is sometimes busy

In each: domain.py the rules, pure · handlers.py what a command does · store.py its SQL · app.py its HTTP routes · sql/ its tables ·
settings in saga/sdk/settings.py (environment `SERVICE_*`).

Every effect appends a row to the service's `ledger`, with the command id that caused it and the id of the do that it belongs to.
Nothing in the tables forbids a second row: only the barrier does. So whoever counts the rows of a (do_id, effect) sees every effect
that happened twice, and comparing ledgers shows money taken without goods, goods sent without money, stock that leaked.

Why the ledgers have no unique index: it would turn an effect that happens twice into an error, and a checker could not see that the
barrier had failed.
"""
