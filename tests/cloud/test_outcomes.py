from typing import Any

import pytest
from hypothesis import given, strategies as st
from tencentcloud.mps.v20190612 import errorcodes

from mpsjobs.cloud.outcomes import Verdict, create_refused, describe_refused, verdict
from mpsjobs.model.ports import Ambiguous, Backoff, DescribeFailed, NotCreated, Refused, Scope

VENDOR = sorted(
    {value for name, value in vars(errorcodes).items() if name.isupper() and isinstance(value, str)}
)
COMMON = [
    "ActionOffline",
    "AuthFailure.InvalidAuthorization",
    "AuthFailure.InvalidSecretId",
    "AuthFailure.MFAFailure",
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureExpire",
    "AuthFailure.SignatureFailure",
    "AuthFailure.TokenFailure",
    "AuthFailure.UnauthorizedOperation",
    "DryRunOperation",
    "FailedOperation",
    "InternalError",
    "InvalidAction",
    "InvalidParameter",
    "InvalidParameterValue",
    "InvalidRequest",
    "IpInBlacklist",
    "IpNotInWhitelist",
    "LimitExceeded",
    "MissingParameter",
    "NoSuchProduct",
    "NoSuchVersion",
    "RequestLimitExceeded",
    "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
    "RequestLimitExceeded.IPLimitExceeded",
    "RequestLimitExceeded.UinLimitExceeded",
    "RequestSizeLimitExceeded",
    "ResourceInUse",
    "ResourceInsufficient",
    "ResourceNotFound",
    "ResourceUnavailable",
    "ResponseSizeLimitExceeded",
    "ServiceUnavailable",
    "UnauthorizedOperation",
    "UnknownParameter",
    "UnsupportedOperation",
    "UnsupportedProtocol",
    "UnsupportedRegion",
]

EXPECTED = {
    "RequestLimitExceeded": Verdict.THROTTLED,
    "RequestLimitExceeded.UinLimitExceeded": Verdict.THROTTLED,
    "LimitExceeded": Verdict.SCARCE,
    "LimitExceeded.CreateTask": Verdict.SCARCE,
    "ResourceInsufficient": Verdict.SCARCE,
    "AuthFailure": Verdict.ACCOUNT,
    "AuthFailure.SignatureExpire": Verdict.ACCOUNT,
    "UnauthorizedOperation": Verdict.ACCOUNT,
    "FailedOperation.UserArrears": Verdict.ACCOUNT,
    "IpInBlacklist": Verdict.ACCOUNT,
    "IpNotInWhitelist": Verdict.ACCOUNT,
    "NoSuchProduct": Verdict.ACCOUNT,
    "InvalidAction": Verdict.ACCOUNT,
    "ActionOffline": Verdict.ACCOUNT,
    "InvalidParameter": Verdict.ASSET,
    "InvalidParameter.ViolationContent": Verdict.ASSET,
    "InvalidParameterValue.CosBucketPath": Verdict.ASSET,
    "MissingParameter": Verdict.ASSET,
    "UnknownParameter": Verdict.ASSET,
    "UnsupportedOperation.TextTooLong": Verdict.ASSET,
    "RequestSizeLimitExceeded": Verdict.ASSET,
    "FailedOperation": Verdict.UNCERTAIN,
    "FailedOperation.CreateAIGCTaskFailed": Verdict.UNCERTAIN,
    "FailedOperation.InvalidMpsUser": Verdict.UNCERTAIN,
    "InternalError": Verdict.UNCERTAIN,
    "InternalError.AccessDBError": Verdict.UNCERTAIN,
    "ServiceUnavailable": Verdict.UNCERTAIN,
    "ResourceUnavailable": Verdict.UNCERTAIN,
    "ResponseSizeLimitExceeded": Verdict.UNCERTAIN,
    "ResourceNotFound.CosBucketNotExist": Verdict.UNCERTAIN,
    "LimitExceededSomehow": Verdict.UNCERTAIN,
    "": Verdict.UNCERTAIN,
    "Brand.New": Verdict.UNCERTAIN,
}
GROUPS = {
    "AuthFailure": Verdict.ACCOUNT,
    "FailedOperation": Verdict.UNCERTAIN,
    "InternalError": Verdict.UNCERTAIN,
    "InvalidParameter": Verdict.ASSET,
    "InvalidParameterValue": Verdict.ASSET,
    "LimitExceeded": Verdict.SCARCE,
    "MissingParameter": Verdict.ASSET,
    "RequestLimitExceeded": Verdict.THROTTLED,
    "ResourceInsufficient": Verdict.SCARCE,
    "ResourceNotFound": Verdict.UNCERTAIN,
    "UnauthorizedOperation": Verdict.ACCOUNT,
    "UnsupportedOperation": Verdict.ASSET,
}


@pytest.mark.parametrize(("code", "expected"), EXPECTED.items())
def test_the_codes_that_are_known_by_name(code: str, expected: Verdict) -> None:
    assert verdict(code) is expected


def test_every_code_of_the_vendor_has_the_class_of_its_group() -> None:
    assert len(VENDOR) > 150
    for code in VENDOR:
        group = code.partition(".")[0]
        expected = EXPECTED.get(code, GROUPS.get(group))
        assert expected is not None, f"{code} is of a group that nobody has judged"
        assert verdict(code) is expected, code


@given(st.sampled_from(VENDOR + COMMON) | st.text(max_size=30))
def test_every_code_has_an_outcome(code: str) -> None:
    created: Any = create_refused(code, "m", "r")
    described = describe_refused(code, "m", "r")
    assert (created.code, created.message, created.request_id) == (code, "m", "r")
    assert (described.code, described.message, described.request_id) == (code, "m", "r")


@pytest.mark.parametrize(
    ("code", "created", "described"),
    [
        (
            "RequestLimitExceeded",
            NotCreated(Backoff.THROTTLED, "RequestLimitExceeded", "m", "r"),
            DescribeFailed("RequestLimitExceeded", "m", "r", Backoff.THROTTLED),
        ),
        (
            "ResourceInsufficient",
            NotCreated(Backoff.LONG, "ResourceInsufficient", "m", "r"),
            DescribeFailed("ResourceInsufficient", "m", "r", Backoff.LONG),
        ),
        (
            "AuthFailure.X",
            Refused(Scope.ACCOUNT, "AuthFailure.X", "m", "r"),
            DescribeFailed("AuthFailure.X", "m", "r", None, Scope.ACCOUNT),
        ),
        (
            "InvalidParameter",
            Refused(Scope.ASSET, "InvalidParameter", "m", "r"),
            DescribeFailed("InvalidParameter", "m", "r", None, Scope.ASSET),
        ),
        (
            "InternalError",
            Ambiguous("InternalError", "m", "r"),
            DescribeFailed("InternalError", "m", "r", Backoff.SHORT),
        ),
    ],
)
def test_what_follows_from_a_verdict(code: str, created: object, described: object) -> None:
    assert create_refused(code, "m", "r") == created
    assert describe_refused(code, "m", "r") == described
