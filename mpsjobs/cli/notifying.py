"""Telling somebody elsewhere that an apply has ended. Whatever goes wrong with that is a warning: it changes nothing of the apply."""

import os
from collections.abc import Mapping

import click
import orjson

from mpsjobs.apply.mode import Mode
from mpsjobs.apply.result import ApplyResult, ExitCode
from mpsjobs.cli.output import Output
from mpsjobs.cli.summing_up import result_document, summary_line
from mpsjobs.model.asset import Json
from mpsjobs.model.change import Plan
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, Diagnostic, MpsjobsError, Severity
from mpsjobs.model.notification import NotifySettings, unfit_webhook
from mpsjobs.project import Project
from mpsjobs.spec.expressions import Name
from mpsjobs.spec.notify_file import parts_of

PROBLEMS = 10
"""So many problems are named; a chat is no log."""


def tell_result(output: Output, project: Project, mode: Mode, plan: Plan, result: ApplyResult) -> None:
    """The run has ended; also when it was interrupted."""
    document = result_document(result)
    changed = result.exit_code != ExitCode.OK or any(
        document[name]
        for name in ("submitted", "finished", "copied", "imported", "recorded", "retired", "published")
    )
    problems = [
        *(f"{each.address}: {each.code}: {each.message}" for each in result.failed),
        *(f"{each.address}: not submitted: {each.message}" for each in result.skipped),
        *(f"{each.address}: its answer was lost, a paid task may exist" for each in result.unknown),
        *(each.summary for each in result.stopped),
    ]
    summary = (
        click.unstyle(summary_line(plan, result)) if plan.has_changes or result.exit_code else "No changes."
    )
    _tell(output, project, mode, {**document, "summary": summary}, problems, changed=changed)


def tell_failure(output: Output, project: Project, mode: Mode, error: Exception) -> None:
    """The run could not begin, or broke off."""
    found = (
        [each.summary for each in error.diagnostics]
        if isinstance(error, MpsjobsError)
        else [type(error).__name__]
    )
    counts: dict[str, Json] = dict.fromkeys(
        ("submitted", "finished", "failed", "unresolved", "skipped", "running"), 0
    )
    _tell(output, project, mode, {**counts, "summary": "Apply failed.", "exit_code": 1}, found, changed=True)


def _tell(
    output: Output,
    project: Project,
    mode: Mode,
    told: Mapping[str, Json],
    problems: list[str],
    *,
    changed: bool,
) -> None:
    notify, settings = project.settings.notify, project.settings
    wanted = {"always": True, "changes": changed, "failure": told["exit_code"] != ExitCode.OK}[notify.on]
    if (
        not wanted
        or mode not in {Mode.APPLY, Mode.DETACH, Mode.WAIT}
        or not (notify.webhook or notify.webhook_env)
    ):
        return
    more = [f"and {len(problems) - PROBLEMS:,} more"] if len(problems) > PROBLEMS else []
    values = {
        **told,
        "project": settings.project,
        "environment": settings.environment_name or "",
        "realm": settings.provider.realm,
        "command": str(mode),
        "problems": "\n".join([*problems[:PROBLEMS], *more]),
    }
    try:
        project.connections.webhook()(_address(notify), orjson.dumps(body_of(notify, values)))
    except CloudError as error:
        output.diagnostics(error.diagnostics)


def body_of(notify: NotifySettings, values: Mapping[str, Json]) -> Json:
    """What is posted: a text for chats, with the names of the template filled in."""
    template = notify.template
    if template is None:
        where = "${project} (${environment}, ${realm})" if values["environment"] else "${project} (${realm})"
        template = f"mpsjobs ${{command}} of {where}: ${{summary}}" + (
            "\n${problems}" if values["problems"] else ""
        )
    return {"text": _filled(template, values)} if isinstance(template, str) else _filled(template, values)


def _filled(template: Json, values: Mapping[str, Json]) -> Json:
    if isinstance(template, str):
        return "".join(
            str(values[str(part)]) if isinstance(part, Name) else part for part in parts_of(template)
        )
    if isinstance(template, Mapping):
        return {key: _filled(each, values) for key, each in template.items()}
    return [_filled(each, values) for each in template] if isinstance(template, list) else template


def _address(notify: NotifySettings) -> str:
    name = notify.webhook_env
    url = os.environ.get(name, "").strip() if name else notify.webhook or ""
    trouble = unfit_webhook(url) if url else "is not set"
    if trouble:
        raise CloudError(
            Diagnostic(
                "Nobody was told of the end of this apply",
                f"{f'The variable {name}' if name else '`notify.webhook`'} {trouble}.",
                "Set it to an https URL, or take `notify:` out of the settings.",
                severity=Severity.WARNING,
                code=Code.NOT_NOTIFIED,
            )
        )
    return url
