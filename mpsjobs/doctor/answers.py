"""What the answer to a question for a task that does not exist says about the account."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from mpsjobs.doctor.finding import Finding, Status
from mpsjobs.model.ports import DescribeFailed, DescribeOutcome

_ACTIVATE: Final = "Open the MPS console once and activate the service: https://console.tencentcloud.com/mps"
_KEYS: Final = (
    "Copy the pair again from the console (Access Management, API keys), without quotes or line breaks."
)
_GRANT: Final = (
    "Grant these keys the action mps:DescribeAigcAudioTask, and mps:CreateAigcAudioTask for an apply."
)


@dataclass(frozen=True, slots=True)
class _Meaning:
    status: Status
    summary: str
    remedy: str = ""


_UNDERSTOOD: Final = _Meaning(Status.OK, "A signed question was understood: the keys are right and may ask.")

_GONE: Final = _Meaning(
    Status.FAILED,
    "The API was there a moment ago, and did not answer.",
    "Ask again, and look at the network.",
)

# The first that fits holds. The codes are those of the vendor's lists: common codes, and what DescribeAigcAudioTask declares.
_MEANINGS: Final[tuple[tuple[str, _Meaning], ...]] = (
    (
        "AuthFailure.SignatureExpire",
        _Meaning(
            Status.FAILED,
            "The API takes the signature for too old or too new: this machine's clock is wrong.",
            "Set the clock, for example: timedatectl set-ntp true",
        ),
    ),
    (
        "AuthFailure.SignatureFailure",
        _Meaning(
            Status.FAILED, "The signature is wrong: the SecretKey does not belong to the SecretId.", _KEYS
        ),
    ),
    ("AuthFailure.SecretIdNotFound", _Meaning(Status.FAILED, "The API does not know the SecretId.", _KEYS)),
    (
        "AuthFailure.InvalidSecretId",
        _Meaning(Status.FAILED, "The SecretId is not one of the cloud API.", _KEYS),
    ),
    (
        "AuthFailure.TokenFailure",
        _Meaning(
            Status.FAILED,
            "The session token is wrong or has ended.",
            "Get new temporary keys, and set all three of them: TENCENTCLOUD_SECRET_ID, _SECRET_KEY and TENCENTCLOUD_TOKEN.",
        ),
    ),
    (
        "AuthFailure.MFAFailure",
        _Meaning(
            Status.FAILED, "The account asks for a second factor.", "Use keys of a sub-account or a role."
        ),
    ),
    ("AuthFailure.UnauthorizedOperation", _Meaning(Status.FAILED, "The keys may not use MPS.", _GRANT)),
    ("AuthFailure*", _Meaning(Status.FAILED, "The API does not accept the credentials.", _KEYS)),
    ("UnauthorizedOperation*", _Meaning(Status.FAILED, "The keys may not use MPS.", _GRANT)),
    (
        "FailedOperation.InvalidMpsUser",
        _Meaning(Status.FAILED, "MPS is not activated in this account.", _ACTIVATE),
    ),
    (
        "*UserArrears",
        _Meaning(
            Status.FAILED, "The account is in arrears.", "Top it up in the billing centre of the console."
        ),
    ),
    (
        "Ip*list",
        _Meaning(
            Status.FAILED,
            "The account does not accept requests from this address.",
            "Allow it in the account's rules for IP addresses.",
        ),
    ),
    (
        "UnsupportedRegion",
        _Meaning(
            Status.FAILED, "The API is not there in this region.", "Correct or remove `provider.region`."
        ),
    ),
    (
        "NoSuch*",
        _Meaning(Status.FAILED, "What answers is not the MPS API.", "Correct or remove `provider.endpoint`."),
    ),
    (
        "*Action*",
        _Meaning(
            Status.FAILED,
            "This API does not know DescribeAigcAudioTask.",
            "Correct or remove `provider.endpoint`.",
        ),
    ),
    (
        "RequestLimitExceeded*",
        _Meaning(
            Status.WARNING,
            "The API is busy with requests of this account.",
            "Other programs share the limit: lower `provider.requests_per_second`, or ask again later.",
        ),
    ),
    # There is no such task, which is right.
    ("InvalidParameter*", _UNDERSTOOD),
    ("ResourceNotFound*", _UNDERSTOOD),
    ("Connect*", _GONE),
    ("AnswerLost", _GONE),
    ("ReadTimeout", _GONE),
    ("Proxy*", _GONE),
    ("Http*", _Meaning(Status.FAILED, "What answers is not the API, or it is broken.", "Ask again later.")),
)
_ELSE: Final = _Meaning(
    Status.WARNING,
    "The API gave an unexpected answer to a question for a task that does not exist.",
    "Ask again later. If it stays, show the RequestId to the vendor's support.",
)


def of_question(name: str, outcome: DescribeOutcome) -> Finding:
    """The finding of the check `name`, whatever came back."""
    if not isinstance(outcome, DescribeFailed):
        return Finding(name, Status.OK, _UNDERSTOOD.summary)
    meaning = next((each for pattern, each in _MEANINGS if fnmatchcase(outcome.code, pattern)), _ELSE)
    if meaning.status is Status.OK:
        return Finding(name, meaning.status, meaning.summary)
    said = f"{outcome.code}: {outcome.message.rstrip('.')}." if outcome.message else f"{outcome.code}."
    request = f" RequestId {outcome.request_id}." if outcome.request_id else ""
    return Finding(name, meaning.status, meaning.summary, f"{said}{request}", meaning.remedy)
