"""Values that several messages hold. They have no type on the wire of their own and change only as their messages may."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from saga.messages import BusinessKey, Money, Quantity

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Value(BaseModel):
    """A part of a message. Frozen; a reader ignores fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class Line(Value):
    """So many pieces of one stock keeping unit."""

    sku: BusinessKey
    quantity: Quantity


class PricedLine(Line):
    """A line of an order with the price of one piece."""

    price: Money


class Address(Value):
    """Where goods go."""

    name: Name
    street: Name
    city: Name
    postcode: Name
    country: CountryCode


Lines = Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]
Prices = Annotated[tuple[Money, ...], Field(min_length=1, max_length=100)]
PricedLines = Annotated[tuple[PricedLine, ...], Field(min_length=1, max_length=100)]
