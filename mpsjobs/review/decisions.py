"""What the page says was decided, as verdicts."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mpsjobs.deciding import Verdict


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Heard(_Closed):
    take: Annotated[int, Field(ge=1)]
    sha256: str


class _Said(_Closed):
    """About one asset; `pick` null: as before, 0: none. `fingerprint` and the SHA-256 say what was heard."""

    address: str
    fingerprint: str
    pick: Annotated[int, Field(ge=0)] | None = None
    sha256: str | None = None
    approved: bool | None = None
    rejected: list[_Heard] = []
    take_back: list[int] = []


_MANY = TypeAdapter(Annotated[list[_Said], Field(min_length=1)])


def verdicts(body: bytes) -> tuple[Verdict, ...]:
    """The verdicts in the body of a request.

    Raises:
        ValueError: it is no list of decisions.
    """
    try:
        said = _MANY.validate_json(body)
    except ValidationError as error:
        raise ValueError(f"not a list of decisions: {error.errors(include_input=False)[0]['msg']}") from error
    return tuple(
        Verdict(
            each.address,
            each.pick,
            each.sha256,
            {one.take: one.sha256 for one in each.rejected},
            tuple(each.take_back),
            each.approved,
            each.fingerprint,
        )
        for each in said
    )
