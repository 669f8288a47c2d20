"""The reference application: four services that fulfil orders, each a participant with its own schema and its own process.

    python -m services.order        takes orders (POST /orders), accepts, rejects, confirms; owns the saga: order/fulfilment.py
    python -m services.payment      has money held by a card network, outside; lets it go, captures
    python -m services.inventory    stock in several warehouses: reserve, for a time, release, ship out
    python -m services.shipping     labels from several carriers that are at times full

In each: domain.py the rules, pure · handlers.py what a command does · store.py its SQL · app.py its HTTP routes · sql/ its tables ·
settings in saga/sdk/settings.py (environment `SERVICE_*`). Beside them: ledger.py the page that each shows of its ledger · cards/ the
card network, simulated with books of its own, spoken to by payment alone · demo/ what `saga demo` starts.

Every effect appends a row to the service's `ledger`, with the command id that caused it and the id of the do that it belongs to.
Nothing in the tables forbids a second row: only the barrier does. So whoever counts the rows of a (do_id, effect) sees every effect
that happened twice, and comparing ledgers shows money taken without goods, goods sent without money, stock that leaked.

What time brings (a reservation or a hold that ends) is done by a sweep in the service, by the database's clock, and stands in the ledger
without a command id. It never takes back what a saga cannot undo: stock of a paid order is picked again, money is not captured late.

    what ends            undo of it                        what comes next of it
    reservation          succeeded, nothing put back twice ShipOut: picked again, or refused `expired` and a person looks
    hold on a card       succeeded, nothing let go twice   CapturePayment: refused `expired`, the saga turns back

Why the ledgers have no unique index: it would turn an effect that happens twice into an error, and a checker could not see that the
barrier had failed.

Why calls outside differ: the card network is asked while the command is *working*, because its answer may be lost and the money held all
the same. A carrier only says whether it has room, which is nothing to undo, so a handler may ask it in its transaction. And what the
network is told of captures and voids is told afterwards, from the service's own tables, until it has heard.
"""
