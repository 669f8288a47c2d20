"""Every message of the reference services by its type on the wire."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType

from contracts import inventory, order, payment, shipping
from saga.messages import Message


def _messages(module: ModuleType) -> Iterator[type[Message]]:
    for name in sorted(vars(module)):
        thing = vars(module)[name]
        if isinstance(thing, type) and issubclass(thing, Message) and thing.__module__ == module.__name__ and thing.message_type:
            yield thing


MESSAGES: Mapping[str, type[Message]] = MappingProxyType(
    {message.message_type: message for module in (order, payment, inventory, shipping) for message in _messages(module)}
)
