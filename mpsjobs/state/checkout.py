"""Where the checkout stands to the commit that was applied last."""

import re
import subprocess
from pathlib import Path

from mpsjobs.model.checkout import Standing

_COMMIT = re.compile("[0-9a-f]{40,64}")


def standing(folder: Path, commit: str | None) -> Standing:
    """Whether HEAD, where `folder` lies, contains a commit. Changes that are not committed do not matter.

    One call of git where all is well. Outside of git, or without git, nothing can be behind.
    """
    if commit is None or not _COMMIT.fullmatch(commit):
        return Standing.AHEAD
    code, _ = _git(folder, "merge-base", "--is-ancestor", commit, "HEAD")
    if code in {0, 1}:
        return Standing.BEHIND if code else Standing.AHEAD
    code, answer = _git(folder, "rev-parse", "--is-shallow-repository")
    if code:
        return Standing.AHEAD
    return Standing.SHALLOW if answer == "true" else Standing.UNKNOWN


def _git(folder: Path, *arguments: str) -> tuple[int, str]:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return -1, ""
    return answer.returncode, answer.stdout.strip()
