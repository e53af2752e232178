"""Copying: a take of another environment becomes a take here. The outputs first, then the event, then the receipt.

What is cut off before the event leaves objects that nobody knows of, under a path of their own; the next apply copies again.
"""

import mimetypes
import tempfile
from functools import partial
from pathlib import Path, PurePosixPath

from mpsjobs.apply import progress
from mpsjobs.apply.collect import fetch_recorded
from mpsjobs.apply.gather import change_over
from mpsjobs.apply.job import Job
from mpsjobs.apply.run import Run
from mpsjobs.apply.submit import new_attempt
from mpsjobs.model import events
from mpsjobs.model.change import Copy
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.settings import BASE_ENVIRONMENT
from mpsjobs.model.state import Output


def begin(run: Run, action: Copy, number: int) -> Job:
    """Have the outputs copied to a path that belongs to this attempt alone."""
    attempt_id, path = new_attempt(run, action.asset)
    job = Job(
        action.asset.address,
        action.fingerprint,
        action.take,
        attempt_id,
        path,
        copies=action,
        task_id=action.origin.task_id,
        request_id=action.origin.request_id,
    )
    run.workers.copy(number, partial(run.wiring.copy, action, path))
    run.copying += 1
    return job


def on_copied(run: Run, number: int, job: Job, outputs: tuple[Output, ...]) -> None:
    action, at = _copied(job), run.at()
    copied = events.TakeCopied(
        at=at,
        address=job.address,
        fingerprint=job.fingerprint,
        fields=action.fields,
        take=job.take,
        attempt_id=job.attempt_id,
        realm=run.origin.realm,
        bucket=job.path.bucket,
        region=job.path.region,
        cos_path=job.path.key,
        origin_environment=_source(action),
        origin_attempt=action.origin.root,
        task_id=job.task_id,
        request_id=job.request_id,
        preferred=action.preferred,
        outputs=outputs,
        inputs=action.origin.inputs,
    )
    judged = run.judged(job.fingerprint, job.attempt_id, outputs)
    run.append([copied, *judged])
    run.note(number, job)
    run.copying -= 1
    run.tally.copied += 1
    run.report(progress.Copied(job.address, job.take, _source(action), job.task_id, outputs))
    run.tell_misses(job, judged)
    change_over(run, job.fingerprint, at)
    run.scheduler.ended(number)


def on_failed(run: Run, number: int, job: Job, error: Exception) -> None:
    """Nothing is bought in its place: that is for somebody to decide."""
    why = f"its take cannot be copied from {_source(_copied(job))}: {str(error).rstrip('.')}; the next apply tries again"
    run.copying -= 1
    run.failed(job, "NotCopied", why, None)
    run.scheduler.ended(number)


def copied_outputs(
    source: ObjectStore, to: ObjectStore, action: Copy, path: ObjectRef, scratch: Path
) -> tuple[Output, ...]:
    """Copy the outputs of a take below `path`, and say what is there now. Thread-safe; doing it again does no harm.

    Raises:
        CloudError: an output is gone or is not what was recorded, or a store cannot be used.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="copy-") as folder:
        return tuple(
            _copy(source, to, output, action, path, Path(folder) / "output")
            for output in action.origin.outputs
        )


def _copy(
    source: ObjectStore, to: ObjectStore, output: Output, action: Copy, path: ObjectRef, file: Path
) -> Output:
    fetch_recorded(source, output, file)
    own = output.key.removeprefix(action.origin.cos_path) if action.origin.cos_path else ""
    name = own if own and own != output.key else PurePosixPath(output.key).name
    target = ObjectRef(path.bucket, path.region, f"{path.key}{name.lstrip('/')}")
    task = {"task-id": action.origin.task_id} if action.origin.task_id else {}
    info = to.put(
        target,
        file,
        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        metadata={"address": action.asset.address, "fingerprint": action.fingerprint, **task},
    )
    return Output(
        bucket=target.bucket,
        region=target.region,
        key=target.key,
        etag=info.etag,
        size=info.size,
        sha256=output.sha256,
        format=output.format,
        duration_s=output.duration_s,
        measures=output.measures,
        unmeasured=output.unmeasured,
    )


def _copied(job: Job) -> Copy:
    if job.copies is None:
        raise AssertionError(job)
    return job.copies


def _source(action: Copy) -> str:
    return action.environment or BASE_ENVIRONMENT
