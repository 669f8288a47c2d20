"""A broker in the process: librdkafka's mock cluster, from the library that the `confluent-kafka` wheel carries, through ctypes.

It speaks the Kafka protocol on loopback, so aiokafka and the services talk to it as to a real one, also from other processes. It keeps
everything in memory (the newest 5 MiB or 100,000 records a partition) and knows no transactions: for development only.

Why ctypes and not the property `test.mock.num.brokers`: only the functions can make topics with N partitions and take away the three
seconds that the first member of a group waits for others.
"""

import ctypes
import importlib.util
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from saga.embedded.permission import refuse_in_production
from saga.errors import ConfigurationError, Unavailable

_PRODUCER = 0
_SYMBOLS = (
    "rd_kafka_conf_new",
    "rd_kafka_conf_set",
    "rd_kafka_new",
    "rd_kafka_destroy",
    "rd_kafka_mock_cluster_new",
    "rd_kafka_mock_cluster_destroy",
    "rd_kafka_mock_cluster_bootstraps",
    "rd_kafka_mock_topic_create",
    "rd_kafka_mock_group_initial_rebalance_delay_ms",
    "rd_kafka_mock_broker_set_down",
    "rd_kafka_mock_broker_set_up",
    "rd_kafka_mock_broker_set_rtt",
    "rd_kafka_mock_push_request_errors_array",
)


class EmbeddedBroker:
    """One mock cluster. Use it as `with`, or by start() and stop(). A topic that nobody made is made with four partitions when a client
    asks for it; with two members in a group, one of them may be refused its share (a fault of the mock)."""

    def __init__(self, brokers: int = 1) -> None:
        self._brokers = brokers
        self._library: Any = None
        self._handle: int | None = None
        self._cluster: int | None = None

    def start(self) -> None:
        """Start it (10 ms). Raises ConfigurationError where the wheel is missing or lacks a function, Unavailable if it will not start."""
        refuse_in_production()
        self._library = _library()
        text = ctypes.create_string_buffer(512)
        conf = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", None, 0)
        self._handle = self._library.rd_kafka_new(_PRODUCER, conf, text, len(text))
        if not self._handle:
            raise Unavailable("kafka", f"the embedded broker does not start: {text.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, self._brokers)
        if not self._cluster:
            self.stop()
            raise Unavailable("kafka", "the embedded broker does not start")
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def bootstrap(self) -> str:
        """Where clients connect. Raises Unavailable when it does not run."""
        found: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._running)
        return found.decode()

    def create_topic(self, name: str, partitions: int = 6) -> None:
        """Make a topic; one that exists is left as it is."""
        self._library.rd_kafka_mock_topic_create(self._running, name.encode(), partitions, 1)

    def set_down(self, *, broker: int = 1) -> None:
        """The broker closes its connections and takes no new ones."""
        self._library.rd_kafka_mock_broker_set_down(self._running, broker)

    def set_up(self, *, broker: int = 1) -> None:
        """The broker takes connections again."""
        self._library.rd_kafka_mock_broker_set_up(self._running, broker)

    def set_delay(self, milliseconds: int, *, broker: int = 1) -> None:
        """Every answer takes so long."""
        self._library.rd_kafka_mock_broker_set_rtt(self._running, broker, milliseconds)

    def push_errors(self, api_key: int, *codes: int) -> None:
        """The next requests of this kind (0: produce, 1: fetch, 8: offset commit) get these error codes, in turn."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._running, ctypes.c_int16(api_key), len(codes), array)

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self._cluster is not None:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._cluster = None
        if self._handle is not None:
            self._library.rd_kafka_destroy(self._handle)
            self._handle = None

    @property
    def _running(self) -> int:
        if self._cluster is None:
            raise Unavailable("kafka", "the embedded broker does not run")
        return self._cluster

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _library() -> Any:
    found = importlib.util.find_spec("confluent_kafka")
    if found is None or found.origin is None:
        raise ConfigurationError("the embedded broker needs the wheel confluent-kafka: install saga-coordinator[embedded]")
    package = Path(found.origin).parent
    files = sorted(package.parent.glob("confluent_kafka.libs/librdkafka*")) or sorted(package.glob(".dylibs/librdkafka*"))
    if not files:
        raise ConfigurationError("this build of confluent-kafka does not carry librdkafka as a file: give SAGA_KAFKA_BOOTSTRAP instead")
    importlib.import_module("confluent_kafka")  # loads what librdkafka needs, which stands beside it under mangled names
    library = ctypes.CDLL(str(files[0]))
    check_symbols(library)
    _declare(library)
    return library


def check_symbols(library: Any) -> None:
    """Raises ConfigurationError naming every function that this librdkafka lacks: it promises none of them to anybody."""
    missing = [name for name in _SYMBOLS if not hasattr(library, name)]
    if missing:
        raise ConfigurationError(f"the librdkafka of this confluent-kafka has no {', '.join(missing)}: install confluent-kafka~=2.16.1")


def _declare(library: Any) -> None:
    pointer = ctypes.c_void_p
    library.rd_kafka_conf_new.restype = pointer
    library.rd_kafka_conf_set.argtypes = (pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
    library.rd_kafka_new.argtypes = (ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t)
    library.rd_kafka_new.restype = pointer
    library.rd_kafka_destroy.argtypes = (pointer,)
    library.rd_kafka_mock_cluster_new.argtypes = (pointer, ctypes.c_int)
    library.rd_kafka_mock_cluster_new.restype = pointer
    library.rd_kafka_mock_cluster_destroy.argtypes = (pointer,)
    library.rd_kafka_mock_cluster_bootstraps.argtypes = (pointer,)
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_topic_create.argtypes = (pointer, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)
    library.rd_kafka_mock_group_initial_rebalance_delay_ms.argtypes = (pointer, ctypes.c_int32)
    library.rd_kafka_mock_broker_set_down.argtypes = (pointer, ctypes.c_int32)
    library.rd_kafka_mock_broker_set_up.argtypes = (pointer, ctypes.c_int32)
    library.rd_kafka_mock_broker_set_rtt.argtypes = (pointer, ctypes.c_int32, ctypes.c_int)
    library.rd_kafka_mock_push_request_errors_array.argtypes = (pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int))
