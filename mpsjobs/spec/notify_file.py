"""`notify:` of the settings as a person may write it. Its texts have names of their own: they are filled in when an apply has ended."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.notification import NAMES, unfit_webhook
from mpsjobs.spec.expressions import BadExpressionError, Name, read_expression
from mpsjobs.spec.fields import Word, mistake
from mpsjobs.spec.scalars import UnusableNumberError, to_json
from mpsjobs.spec.section import Section
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.spec.yaml import Map


def _callable(value: Any) -> Any:
    """The address is a secret: what is wrong with it is said without it."""
    if isinstance(value, str) and (trouble := unfit_webhook(value)):
        raise mistake(
            '"{name}" is no address that can be called',
            f"It {trouble}. It is not shown: who knows it can write where it leads.",
            "Write `https://…`, or name a variable that holds the address: `webhook_env: MPSJOBS_WEBHOOK`.",
            code=Code.BAD_VALUE,
        )
    return value


def parts_of(text: str) -> list[str | Name]:
    """Texts and names, in order. `$${` is a literal `${`.

    Raises:
        BadExpressionError: an expression cannot be read, or is no name of the summary.
    """
    parts: list[str | Name] = []
    done = 0
    while (start := text.find("${", done)) >= 0:
        if text[start - 1 : start] == "$":
            parts.append(f"{text[done : start - 1]}${{")
            done = start + 2
            continue
        expression, end = read_expression(text, start + 2)
        if not isinstance(expression, Name) or str(expression) not in NAMES:
            word = str(expression) if isinstance(expression, Name) else ""
            raise BadExpressionError(
                start, f'Unknown name "{word}"', did_you_mean(word, NAMES, f"One of {', '.join(NAMES)}.")
            )
        parts += [text[done:start], expression]
        done = end
    return [*parts, text[done:]]


def _body(value: Any) -> Any:
    """A template as JSON, in which every text can be filled in."""
    if not isinstance(value, str | Map):
        return value
    try:
        body = str(value) if isinstance(value, str) else to_json(value)
        for text in _texts(body):
            parts_of(text)
    except BadExpressionError as error:
        raise mistake(
            '"{name}" cannot be filled in', f"{error.what}.", error.hint, code=Code.BAD_EXPRESSION
        ) from None
    except UnusableNumberError as error:
        raise mistake('"{name}" is no JSON', str(error), "Put it in quotes.", code=Code.BAD_VALUE) from None
    return body


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            yield from chain.from_iterable(map(_texts, value.values()))
        case list():
            yield from chain.from_iterable(map(_texts, value))
        case _:
            pass


class NotifyFile(Section):
    """Who is told when an apply has ended."""

    TITLE: ClassVar[str] = "`notify`"
    webhook: Annotated[str, BeforeValidator(_callable)] | None = Field(
        None,
        description="Where JSON is posted to: https, or http on this machine. A secret; better in a variable.",
    )
    webhook_env: Word | None = Field(None, description="The environment variable that holds the address.")
    on: Literal["always", "changes", "failure"] = Field(
        "changes",
        description="`changes`: something was done, or went wrong. `failure`: the exit code is not 0.",
    )
    template: Annotated[str | dict[str, Any], BeforeValidator(_body)] | None = Field(
        None,
        description="The text, with `${summary}` and other names, or the whole body as a mapping with such texts. "
        "`${project}: ${summary}` as `text` if unset.",
    )
