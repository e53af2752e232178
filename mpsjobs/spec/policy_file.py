"""`policy:` of the settings as a person may write it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mpsjobs.spec.fields import Duration, Switch, Whole
from mpsjobs.spec.section import Section


class PolicyFile(Section):
    TITLE: ClassVar[str] = "`policy`"
    MEANT: ClassVar[frozenset[str]] = frozenset({"max_generations_per_apply"})
    LATER: ClassVar[dict[str, str]] = {
        "budget": "budgets",
        "max_cost": "prices",
        "max_cost_per_apply": "prices",
    }
    max_generations_per_apply: Annotated[Whole, Field(ge=0)] | None = Field(
        None,
        description="An apply that would pay for more is refused. 20 for tencent if unset; null: no limit.",
    )
    attempts: Annotated[Whole, Field(ge=1, le=20)] = Field(3, description="How often a failed task is tried.")
    unknown_wait: Duration | None = Field(
        None,
        description="For how long the outputs of a request without an answer are looked for, such as `15m`. "
        "Unset: three times what slow tasks of the model take, 15 minutes at least, 30 without history.",
    )
    unknown: Literal["stop", "resubmit"] = Field(
        "stop", description="What happens when they have not shown by then. `resubmit` may pay twice."
    )
    generate: Switch = Field(
        True, description="False: nothing is bought here, takes only come from other environments."
    )
