"""Where a key goes: as with Kafka's own clients, or the records of one key would meet in two partitions."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from saga.transport.producer import partition_of

# From the tests of Kafka's Java client (UtilsTest.testMurmur2): key and its signed 32-bit hash.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA)
def test_the_partition_is_that_of_the_java_client(key: bytes) -> None:
    assert partition_of(key, 1000) == (JAVA[key] & 0x7FFFFFFF) % 1000


@given(st.binary(max_size=200), st.integers(1, 64))
def test_the_partition_is_that_of_the_default_partitioner(key: bytes, partitions: int) -> None:
    everything = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, everything, everything)
