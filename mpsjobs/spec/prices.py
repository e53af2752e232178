"""`prices:` of the settings: what a song costs, by model and version. The API says no price, so people do."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from mpsjobs.model.codes import Code
from mpsjobs.model.money import ModelPrices, Price, Prices
from mpsjobs.spec.documents import Written
from mpsjobs.spec.fields import Amount, Currency, mistake
from mpsjobs.spec.section import Section

_UNITS = ("per_song", "per_second", "seconds")


def _per_song(value: Any) -> Any:
    """A number is short for a price for each song."""
    return {"per_song": value} if isinstance(value, str) else value


def _every_version(value: Any) -> Any:
    """A price is short for that price for every version."""
    is_price = isinstance(value, str) or (isinstance(value, dict) and not value.keys().isdisjoint(_UNITS))
    return {"default": value} if is_price else value


class PriceFile(Written):
    """What one song costs; a number is short for `per_song`."""

    TITLE: ClassVar[str] = "a price"
    per_song: Amount | None = Field(None, description="For each song.")
    per_second: Amount | None = Field(None, description="For each second, where the cloud bills by length.")
    seconds: Amount | None = Field(
        None,
        description="How long a song is taken to be, since a plan cannot know it. Say the longest that you expect.",
    )

    @model_validator(mode="after")
    def _has_one_unit(self) -> Self:
        if (self.per_song is None) is (self.per_second is None) or (
            (self.per_second is None) is not (self.seconds is None)
        ):
            raise mistake(
                "A price is per song, or per second",
                "It needs `per_song`, or `per_second` together with `seconds`.",
                "Write a number, or `{per_second: 0.002, seconds: 120}`.",
                code=Code.BAD_VALUE,
            )
        return self

    @property
    def price(self) -> Price:
        if self.per_second is None:
            return Price(Decimal(self.per_song or 0))
        return Price(Decimal(self.per_second), Decimal(self.seconds or 0))


AnyPrice: TypeAlias = Annotated[PriceFile, BeforeValidator(_per_song)]


class ModelPricesFile(Section):
    """The prices of a model: `VERSION: price`, also by globs; a price alone is for every version."""

    model_config = ConfigDict(extra="allow")
    TITLE: ClassVar[str] = "the prices of a model"
    __pydantic_extra__: dict[str, AnyPrice] = Field(init=False)
    default: AnyPrice | None = Field(None, description="For versions that are not named.")

    @model_validator(mode="after")
    def _names_versions(self) -> Self:
        for name in self.__pydantic_extra__ or {}:
            if name.startswith("per_"):
                raise mistake(
                    f"There is no unit {name}",
                    "A price is per song, or per second.",
                    "Write a number, or `{per_second: 0.002, seconds: 120}`.",
                    code=Code.UNKNOWN_KEY,
                )
        return self

    @property
    def prices(self) -> ModelPrices:
        versions = {name: file.price for name, file in (self.__pydantic_extra__ or {}).items()}
        return ModelPrices(versions, self.default.price if self.default else None)


class PricesFile(Section):
    """What a song costs: `MODEL: price` or `MODEL: {VERSION: price, default: price}`, beside the keys below."""

    model_config = ConfigDict(extra="allow")
    TITLE: ClassVar[str] = "`prices`"
    __pydantic_extra__: dict[str, Annotated[ModelPricesFile, BeforeValidator(_every_version)]] = Field(
        init=False
    )
    currency: Currency | None = Field(
        None, description="Of all amounts, such as `USD`. Required where there are prices."
    )
    default: AnyPrice | None = Field(None, description="For models that are not named.")

    @property
    def any(self) -> bool:
        """Whether there is a price at all."""
        return bool(self.__pydantic_extra__ or self.default)

    @property
    def prices(self) -> Prices | None:
        """None where nothing is said of prices, or not in which currency."""
        if not self.any or self.currency is None:
            return None
        models = {name: file.prices for name, file in (self.__pydantic_extra__ or {}).items()}
        return Prices(self.currency, models, self.default.price if self.default else None)
