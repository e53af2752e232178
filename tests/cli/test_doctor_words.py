"""What `mpsjobs doctor` makes of answers and places that no test can bring about."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.outcomes import describe_refused
from mpsjobs.doctor.account import described
from mpsjobs.doctor.answers import of_question
from mpsjobs.doctor.finding import Status
from mpsjobs.doctor.state import file_system, of_free_space
from mpsjobs.model.ports import DescribeFailed, Task, TaskStatus


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("AuthFailure.SignatureExpire", Status.FAILED, "clock"),
        ("AuthFailure.SignatureFailure", Status.FAILED, "SecretKey"),
        ("AuthFailure.SecretIdNotFound", Status.FAILED, "SecretId"),
        ("AuthFailure.InvalidSecretId", Status.FAILED, "SecretId"),
        ("AuthFailure.TokenFailure", Status.FAILED, "session token"),
        ("AuthFailure.MFAFailure", Status.FAILED, "second factor"),
        ("AuthFailure.UnauthorizedOperation", Status.FAILED, "may not use MPS"),
        ("AuthFailure.SomethingNew", Status.FAILED, "credentials"),
        ("AuthFailure", Status.FAILED, "credentials"),
        ("UnauthorizedOperation", Status.FAILED, "may not use MPS"),
        ("UnauthorizedOperation.CamNoAuth", Status.FAILED, "may not use MPS"),
        ("FailedOperation.InvalidMpsUser", Status.FAILED, "not activated"),
        ("FailedOperation.UserArrears", Status.FAILED, "arrears"),
        ("IpInBlacklist", Status.FAILED, "address"),
        ("IpNotInWhitelist", Status.FAILED, "address"),
        ("UnsupportedRegion", Status.FAILED, "region"),
        ("NoSuchVersion", Status.FAILED, "not the MPS API"),
        ("NoSuchProduct", Status.FAILED, "not the MPS API"),
        ("InvalidAction", Status.FAILED, "does not know"),
        ("ActionOffline", Status.FAILED, "does not know"),
        ("RequestLimitExceeded", Status.WARNING, "busy"),
        ("RequestLimitExceeded.UinLimitExceeded", Status.WARNING, "busy"),
        ("InvalidParameterValue", Status.OK, "understood"),
        ("InvalidParameterValue.TaskId", Status.OK, "understood"),
        ("InvalidParameter", Status.OK, "understood"),
        ("ResourceNotFound.TaskNotFound", Status.OK, "understood"),
        ("InternalError", Status.WARNING, "unexpected"),
        ("SomethingNew", Status.WARNING, "unexpected"),
    ],
)
def test_every_refusal_is_told_by_its_cause(code: str, status: Status, words: str) -> None:
    finding = of_question("api", describe_refused(code, "Said the server.", "r-1"))
    assert finding.status is status
    assert words in finding.summary
    if status is not Status.OK:
        assert finding.detail == f"{code}: Said the server. RequestId r-1."
        assert finding.remedy


@pytest.mark.parametrize(
    "code", ["Http502", "ConnectionLost", "ConnectTimeout", "ReadTimeout", "AnswerLost", "ProxyRefused"]
)
def test_no_answer_is_no_right_answer(code: str) -> None:
    assert of_question("api", DescribeFailed(code, "Nothing came.")).status is Status.FAILED


def test_a_task_that_is_there_after_all_proves_the_same() -> None:
    assert of_question("api", Task(TaskStatus.DONE)).status is Status.OK


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "status", "words"),
    [
        (timedelta(hours=2), Status.OK, "they end at 2026-11-22 14:00 UTC, in 120 minutes"),
        (timedelta(minutes=30), Status.WARNING, "they end at 2026-11-22 12:30 UTC, in 30 minutes"),
        (timedelta(minutes=-1), Status.FAILED, "have ended"),
    ],
)
def test_temporary_keys_say_when_they_end(left: timedelta, status: Status, words: str) -> None:
    keys = Credentials("AKIDx", "the-key", "the-token", NOW + left)
    finding = described("a role of CI", keys, NOW)
    assert (finding.status, words in finding.summary) == (status, True)
    assert "a role of CI" in finding.summary
    assert "the-" not in repr(finding)


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/share rw,relatime shared:9 - nfs4 server:/export rw
31 22 0:41 / /mnt/with\\040space rw - cifs //server/share rw
32 30 0:42 / /mnt/share/fast rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me", "ext4"),
        ("/mnt/share/game", "nfs4"),
        ("/mnt/shared", "ext4"),
        ("/mnt/with space/game", "cifs"),
        ("/mnt/share/fast/game", "tmpfs"),
    ],
)
def test_the_file_system_of_a_folder(folder: str, kind: str) -> None:
    assert file_system(Path(folder), MOUNTS) == kind


def test_a_machine_that_does_not_tell_its_file_systems() -> None:
    assert file_system(Path("/home/me"), "") is None


def test_little_free_space_is_a_warning() -> None:
    assert of_free_space(50 * 1024**2).status is Status.WARNING
    assert of_free_space(50 * 1024**3).status is Status.OK
