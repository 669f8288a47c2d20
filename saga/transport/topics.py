"""Making topics: for demonstrations and tests; in production they are made by whoever runs Kafka."""

import asyncio
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from saga.errors import Unavailable
from saga.secrets.servers import NO_LOGIN, KafkaLogin


async def create_topics(bootstrap: str, names: Sequence[str], partitions: int, timeout: float = 30.0, login: KafkaLogin = NO_LOGIN) -> None:
    """Create those that do not exist, one replica each. Raises Unavailable."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **login.arguments())
    try:
        async with asyncio.timeout(timeout):
            await admin.start()
            for name in names:
                answer = await admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
                for _, code, *_ in answer.topic_errors:
                    if code not in (0, TopicAlreadyExistsError.errno):
                        raise for_code(code)(name)
    except (KafkaError, TimeoutError, OSError) as error:
        raise Unavailable("kafka", f"topics could not be created at {bootstrap} ({type(error).__name__})") from None
    finally:
        await admin.close()
