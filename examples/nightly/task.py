"""A scheduler's task: every night, buy what the specs want and is not there, within a limit.

`generate` is a plain function with plain values, so Airflow (`@task`), Prefect (`@task`), Dagster (`@op`) or cron take it as it is. When the
scheduler cancels it, the run stops in good order and the next one goes on: nothing is paid twice, so a retry is always safe.
"""

import logging
import sys
from pathlib import Path

from mpsjobs import ExitCode, Limits, Options, Project, progress

log = logging.getLogger("nightly")


def generate(directory: str, most: int) -> dict[str, int]:
    """Apply the project in this folder, if that buys no more than `most` generations.

    Raises:
        mpsjobs.SpecError: mistakes in the specs, or more would be bought. Nothing was.
        mpsjobs.MpsjobsError: nothing could be begun: the lock is held, the state or the cloud cannot be used.
        RuntimeError: the run came to a stop, or some assets failed. What was generated is recorded.
    """
    project = Project.open(directory)
    with project.apply(Options(limits=Limits(max_generations=most), lock_timeout_s=600)) as run:
        for event in run:
            match event:
                case progress.Planned(plan):
                    log.info("%d generations are to be paid for", plan.generations)
                case progress.Finished(address, take):
                    log.info("%s: take %d is there", address, take)
                case progress.Failed(address, code=code, message=message):
                    log.warning("%s: %s: %s", address, code, message)
                case _:
                    pass
    result = run.result()
    if result.exit_code is not ExitCode.OK:
        reasons = [each.summary for each in result.stopped] or [each.address for each in result.failed]
        raise RuntimeError(f"The run is incomplete: {', '.join(reasons)}")
    return {"generated": result.finished, "recorded": result.recorded}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    log.info("%s", generate(sys.argv[1] if sys.argv[1:] else str(Path(__file__).parent), most=20))
