"""Importing: a task or an object from elsewhere becomes a take.

An object is copied to a path of its own, and then it is history. A task is asked for; unless it has failed it becomes history, and from
then on it is a task like any other: it is waited for, and what its URLs give is put where the outputs of a take belong. What is cut off
before it is history is imported by the next apply; what comes after it is in the state, where the next apply finds it.
"""

from mpsjobs.apply import progress
from mpsjobs.apply.gather import change_over
from mpsjobs.apply.job import Job
from mpsjobs.apply.run import Run
from mpsjobs.apply.submit import new_attempt
from mpsjobs.model import events
from mpsjobs.model.change import Import
from mpsjobs.model.ports import DescribeFailed, DescribeOutcome, Scope, Task, TaskStatus
from mpsjobs.model.state import Output


def begin(run: Run, action: Import, number: int) -> Job:
    """Have the object copied, or the task asked for."""
    attempt_id, path = new_attempt(run, action.asset)
    job = Job(
        action.asset.address,
        action.fingerprint,
        action.take,
        attempt_id,
        path,
        imports=action,
        imported=True,
        task_id=action.source.task_id,
        timeout_s=action.asset.lifecycle.timeout_s,
    )
    if action.source.object:
        run.workers.adopt(number, action.source.object, path, job.marks)
        run.copying += 1
    else:
        run.scheduler.add_running(number, run.now(), 0.0)
    return job


def admit(run: Run, number: int, job: Job, outcome: DescribeOutcome) -> bool:
    """Whether a task that was asked for is gathered as any other; one that is to be imported becomes history now, if there is one."""
    action = job.imports
    if action is None:
        return True
    match outcome:
        case Task(TaskStatus.FAIL, message):
            _refuse(run, number, job, f"the task has failed: {message or 'the cloud gives no reason'}")
            return False
        case Task():
            _record(run, number, job, action, ())
            run.append(run.records.on_submit(job.fingerprint, run.at()))
            return True
        case DescribeFailed(code, text, retry=None, scope=Scope.ASSET):
            _refuse(run, number, job, f"the provider tells nothing of this task ({code}: {text.rstrip('.')})")
            return False
        case DescribeFailed():
            return True


def on_copied(run: Run, number: int, job: Job, action: Import, outputs: tuple[Output, ...]) -> None:
    _record(run, number, job, action, outputs)
    run.copying -= 1
    run.tally.objects += 1
    change_over(run, job.fingerprint, run.at())
    run.scheduler.ended(number)


def on_failed(run: Run, number: int, job: Job, error: Exception) -> None:
    run.copying -= 1
    _refuse(run, number, job, str(error).rstrip("."))


def _record(run: Run, number: int, job: Job, action: Import, outputs: tuple[Output, ...]) -> None:
    imported = events.TakeImported(
        at=run.at(),
        address=job.address,
        fingerprint=job.fingerprint,
        fields=action.fields,
        take=job.take,
        attempt_id=job.attempt_id,
        realm=run.origin.realm,
        bucket=job.path.bucket,
        region=job.path.region,
        cos_path=job.path.key,
        source=action.source.name,
        task_id=job.task_id,
        outputs=outputs,
    )
    judged = run.judged(job.fingerprint, job.attempt_id, outputs)
    run.append([imported, *judged])
    job.imports = None
    run.note(number, job)
    run.tally.imported += 1
    run.report(progress.Imported(job.address, job.take, action.source.name))
    run.tell_misses(job, judged)


def _refuse(run: Run, number: int, job: Job, why: str) -> None:
    """Nothing is recorded, and nothing is bought in its place: that is for somebody to decide."""
    run.scheduler.ended(number)
    run.failed(job, "NotImported", why, None)
