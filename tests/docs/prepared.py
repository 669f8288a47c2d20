"""The sagas that the pages for operators speak of, as they stand when the reader begins."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from contracts.examples import EXAMPLES
from contracts.order import OrderPlaced
from saga.bootstrap import definition_rows
from saga.config import Settings
from saga.core.identity import key_bytes
from saga.core.project import row_of
from saga.core.upcast import encode
from saga.definition.registry import Registry
from saga.ports.streams import Append, Batch, KeyRow, SagaKey
from saga.runtime.ids import uuid7
from saga.store.postgres import PostgresStore
from saga.testing.inputs import Said, refused, started, succeeded, tick
from saga.testing.scenario import Story, given
from services.order.fulfilment import fulfil_order

PLACED = next(one for one in EXAMPLES if isinstance(one, OrderPlaced))
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


def reply(step: str) -> Said:
    """The step succeeded, as in the examples."""
    kind = fulfil_order.compile().steps[step].command.success_types()[0]
    return succeeded(step, next(one for one in EXAMPLES if type(one) is kind))


ACCEPTED = (reply("accept_order"), reply("authorize_payment"))
CAPTURING = (*ACCEPTED, reply("reserve_stock"))
STORIES: dict[str, tuple[Said, ...]] = {
    "1042": (*CAPTURING, tick("16m")),
    "1043": (*ACCEPTED, refused("reserve_stock", code="sold-out"), refused("authorize_payment", undo=True, code="not-held")),
    "1044": ACCEPTED,
    "1045": (*CAPTURING, reply("capture_payment")),
    "1046": (*CAPTURING, tick("16m")),
}


async def prepare(dsn: str) -> None:
    """Write them."""
    store = await PostgresStore.connect(Settings(postgres_dsn=dsn))  # type: ignore[arg-type]
    try:
        await store.publish(uuid7(AN_HOUR_AGO), definition_rows(Registry([fulfil_order.compile()])))
        for order, history in STORIES.items():
            story = given(fulfil_order, started(PLACED.model_copy(update={"order_id": order})), *history, at=AN_HOUR_AGO)
            async with store.transaction() as tx:
                await tx.write(_batch(uuid7(AN_HOUR_AGO), order, story))
    finally:
        await store.close()


def _batch(saga_id: UUID, order: str, story: Story) -> Batch:
    start = story.state.start
    key = KeyRow(SagaKey(start.tenant, start.definition, order), saga_id, key_bytes(start.partition_key), bytes.fromhex(start.body_hash))
    bodies = tuple(encode(event) for event in story.events)
    return Batch(keys=[key], appends=[Append(saga_id, 0, bodies)], rows=[row_of(saga_id, story.state)])
