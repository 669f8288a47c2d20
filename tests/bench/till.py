"""A participant with the SDK that does as little as a participant can: one row, one answer."""

from saga.sdk import Participant, Transaction
from saga.sdk.http import base_app
from saga.sdk.serve import main
from saga.sdk.service import Parts
from tests.bench.shop import ChargeCard, Charged

TABLE = "create table if not exists charge (command_id text primary key, order_id text not null, minor bigint not null)"

till = Participant("payment")


@till.handles(ChargeCard)
async def charge(command: ChargeCard, db: Transaction) -> Charged:
    await db.execute("insert into charge values ($1, $2, $3)", db.do_id, command.order_id, command.amount_minor)
    return Charged(payment_id=db.do_id)


if __name__ == "__main__":
    raise SystemExit(main(lambda _settings: Parts(till, [TABLE]), base_app))
