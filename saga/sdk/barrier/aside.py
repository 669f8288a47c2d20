"""Records that cannot be answered are set aside: kept as they came, with the reason, so that no record stops a partition."""

import hashlib
import json

from saga.ports.messaging import InboundRecord
from saga.sdk.barrier.queries import queries
from saga.sdk.barrier.transaction import LocalTransaction
from saga.sdk.incoming import Unusable

MAX_KEPT = 64 * 1024

_KEEP = queries("set_aside")["keep"]


async def keep(db: LocalTransaction, record: InboundRecord, unusable: Unusable) -> None:
    """Keep the record; a copy of it changes nothing. Header values are kept in hex: they may be any bytes."""
    digest = hashlib.sha256(record.value or b"").digest()
    headers = json.dumps([[name, (value or b"").hex()[: 2 * MAX_KEPT]] for name, value in record.headers])
    place = (record.topic, record.partition, record.offset, digest)
    key, value = (None if part is None else part[:MAX_KEPT] for part in (record.key, record.value))
    await db.execute(_KEEP, *place, unusable.reason, unusable.detail, key, value, headers)
