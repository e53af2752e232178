"""What generations cost. Amounts are decimals, never floats; a model without a price is counted apart, never as free."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Price:
    """What one song costs; where the cloud bills by length: `amount` for each of the `seconds` that a song is taken to have."""

    amount: Decimal
    seconds: Decimal | None = None

    @property
    def of_song(self) -> Decimal:
        return self.amount if self.seconds is None else self.amount * self.seconds


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """The prices of one model: `versions` by globs in the order in which they are written, `other` for all other versions."""

    versions: Mapping[str, Price] = field(default_factory=dict)
    other: Price | None = None

    def of(self, version: str | None) -> Price | None:
        if version is None:
            return self.other
        fits = (price for glob, price in self.versions.items() if fnmatchcase(version, glob))
        return self.versions.get(version) or next(fits, self.other)


@dataclass(frozen=True, slots=True)
class Prices:
    """All prices of a project, in one currency (ISO 4217). `other` is for models that are not named."""

    currency: str
    models: Mapping[str, ModelPrices] = field(default_factory=dict)
    other: Price | None = None

    def of(self, model: str, version: str | None) -> Price | None:
        """None: there is no price for it, and nobody knows what it costs."""
        own = self.models.get(model)
        return (own.of(version) if own else None) or self.other

    def cost(self, generations: int, model: str, version: str | None) -> "Cost":
        """What so many songs cost."""
        price = self.of(model, version)
        if price is None:
            return Cost(self.currency, unpriced=generations)
        return Cost(self.currency, price.of_song * generations)


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount of money, and how many generations come on top of it for which nobody has said a price."""

    currency: str
    amount: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Both together; they are of one currency."""
        return Cost(self.currency, self.amount + other.amount, self.unpriced + other.unpriced)

    def __sub__(self, other: "Cost") -> "Cost":
        """What is left without the other one, which is part of it."""
        return Cost(self.currency, self.amount - other.amount, self.unpriced - other.unpriced)

    def __str__(self) -> str:
        """`0.42 USD`; the unpriced are left to the reader."""
        return money(self.amount, self.currency)


def money(amount: Decimal, currency: str) -> str:
    """`0.42 USD`, `1,200.00 USD`, `0.0035 USD`: all digits that count, two behind the point at least."""
    exact = amount.normalize()
    digits = exact if exact == exact.quantize(_CENT) else None
    return f"{amount.quantize(_CENT) if digits is not None else exact:,f} {currency}"
