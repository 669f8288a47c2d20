"""Why no connection could be made: nobody answers, or somebody answers and refuses.

Why a connection of our own: the client tries every broker, writes each reason to its log and raises none of them.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from saga.errors import LoginRefused, Unavailable
from saga.transport.options import KafkaOptions

LOOK_FOR = 2.0

_REFUSALS = (SaslAuthenticationFailed, UnsupportedSaslMechanismError, IllegalSaslStateError)


async def unreachable(options: KafkaOptions, error: BaseException) -> Unavailable:
    """What a start raises when no client could be made: one line. LoginRefused where a broker answers but not to us."""
    if isinstance(error, ClusterAuthorizationFailedError):  # what an idempotent producer hears that may write no topic at all
        return LoginRefused("kafka", f"{options.login.username or 'nobody'} has no right to write any topic: see `saga topics acls`")
    for host, port, _ in collect_hosts(options.bootstrap):
        if why := await _refusal(options, host, port):
            return LoginRefused("kafka", f"{host}:{port} {why}")
    return Unavailable("kafka", f"no broker answers at {options.bootstrap} ({type(error).__name__})")


async def _refusal(options: KafkaOptions, host: str, port: int) -> str:
    try:
        async with asyncio.timeout(LOOK_FOR):
            connection = await create_conn(
                host, port, client_id=options.client_id, request_timeout_ms=int(LOOK_FOR * 1000), **options.login.arguments()
            )
        connection.close()
    except ssl.SSLCertVerificationError as found:
        return f"shows a certificate that is not trusted: {found.verify_message}"
    except ssl.SSLError as found:
        return f"does not speak TLS as {options.login.protocol} demands ({found.reason})"
    except _REFUSALS as found:
        return f"refuses the login of {options.login.username or 'nobody'} ({type(found).__name__})"
    except ConnectionRefusedError:
        return ""
    except (KafkaError, OSError, TimeoutError):
        return await _other_language(options, host, port)
    return ""


async def _other_language(options: KafkaOptions, host: str, port: int) -> str:
    """Connected, and then cut or silent: usually one side speaks TLS and the other does not."""
    if options.login.protocol.endswith("SSL"):
        return f"closes the connection when TLS begins: is {options.login.protocol} what it speaks?" if await _listens(host, port) else ""
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE  # nothing is sent: only to see whether it answers
    if await _listens(host, port, ssl=anything):
        return f"speaks TLS, and SAGA_KAFKA_SECURITY_PROTOCOL is {options.login.protocol}"
    return ""


async def _listens(host: str, port: int, **how: Any) -> bool:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(LOOK_FOR):
            _, writer = await asyncio.open_connection(host, port, **how)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True
    return False
