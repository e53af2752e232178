"""What an error of COS, or of another S3 server, means, in words: what failed, why, and how to mend it. Never a secret or a signed URL."""

from typing import Final

from botocore import exceptions as boto
from botocore.exceptions import ClientError

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectRef

_REMEDIES: Final[dict[str, str]] = {
    "NoSuchBucket": "Create the bucket, or correct `store.bucket` and `store.region` in mpsjobs.yaml.",
    "AccessDenied": "Grant the credentials this right on the bucket, or use others.",
    "403": "Grant the credentials this right on the bucket, or use others.",
    "InvalidAccessKeyId": "Check the SecretId: the server does not know it.",
    "SignatureDoesNotMatch": "Check the SecretKey: the signature is wrong.",
    "InvalidToken": "The session token is wrong or has ended; get new temporary credentials.",
    "ExpiredToken": "The session token has ended; get new temporary credentials.",
    "RequestTimeTooSkewed": "Set this machine's clock right, for example with NTP.",
    "PathStyleDomainForbidden": "Write `addressing_style: virtual` under `store:`.",
}
_ANSWERED: Final = "The server is there and refuses."
_IN_PATH: Final = (
    "If the server takes the bucket only in the path, write `addressing_style: path` under `store:`."
)
_OVERLOOKED: Final = frozenset(
    {"NoSuchBucket", "InvalidBucketName", "MethodNotAllowed", "NoSuchKey", "404", "405"}
)
"""What a server may say that looks for the bucket in the path, and takes the key for it."""

_UNREACHED: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (boto.ProxyConnectionError, "the proxy cannot be reached", "Check HTTPS_PROXY and NO_PROXY."),
    (
        boto.SSLError,
        "the server's certificate is not trusted",
        "Check `network.ca_file` and the host's name.",
    ),
    (boto.ConnectTimeoutError, "no connection in time", "Check the network, proxies and `store.endpoint`."),
    (boto.ReadTimeoutError, "no answer in time", "Try again; `network.read_timeout` is how long is waited."),
    (
        boto.ConnectionClosedError,
        "the connection was closed before an answer came",
        "Try again; look for a proxy or a firewall on the way.",
    ),
    (
        boto.EndpointConnectionError,
        "no connection",
        "Check the network, `store.region` and `store.endpoint`.",
    ),
)


def failure(error: Exception, verb: str, ref: ObjectRef, *, bucket_in_host: bool = False) -> CloudError:
    """The error to raise for this one. `verb` says what was tried: "write to", "read", "list".

    `bucket_in_host`: a server of the user's own choice was reached by the bucket's name in the host's, which not every server understands.
    """
    summary = f"Cannot {verb} the object store"
    at = f"{ref.bucket}/{ref.key}"
    if isinstance(error, ClientError):
        detail, hint, code = _answered(error, ref, bucket_in_host=bucket_in_host)
        return CloudError.of(summary, detail=f"{at}: {detail}", hint=hint, code=Code.STORE_FAILED).coded(code)
    for kind, why, hint in _UNREACHED:
        if isinstance(error, kind):
            by_name = bucket_in_host and kind in {boto.SSLError, boto.EndpointConnectionError}
            remedy = f"{hint} {_IN_PATH}" if by_name else hint
            return CloudError.of(summary, detail=f"{at}: {why}.", hint=remedy, code=Code.STORE_FAILED).coded(
                kind.__name__
            )
    if isinstance(error, OSError) and error.strerror:
        return CloudError.of(
            summary, detail=f"{at}: {error.strerror}.", hint="Check the local disk.", code=Code.STORE_FAILED
        )
    name = type(error).__name__
    return CloudError.of(
        summary,
        detail=f"{at}: {name}.",
        hint="Check the network and the store's settings.",
        code=Code.STORE_FAILED,
    )


def _answered(error: ClientError, ref: ObjectRef, *, bucket_in_host: bool) -> tuple[str, str, str]:
    """What the server said, how to mend it, and its word for it."""
    told = error.response.get("Error", {})
    code, message = str(told.get("Code", "")), str(told.get("Message", "")).rstrip(".")
    metadata = error.response.get("ResponseMetadata", {})
    request = metadata.get("HTTPHeaders", {}).get("x-cos-request-id") or metadata.get("RequestId")
    said = f"{code} ({message})" if message and message != code else code
    trace = f" RequestId {request}." if request else ""
    hint = _REMEDIES.get(code, _ANSWERED)
    if bucket_in_host and code in _OVERLOOKED:
        asked_for = told.get("BucketName", ref.bucket)
        hint = f"{hint} {_IN_PATH}" if asked_for == ref.bucket else _IN_PATH
    return f"{said}.{trace}", hint, code


def bucket_overlooked(ref: ObjectRef) -> CloudError:
    """A listing that is none: the server gave its buckets instead, for it saw no bucket in the request."""
    return CloudError.of(
        "Cannot list the object store",
        detail=f"{ref.bucket}/{ref.key}: the server does not see the bucket.",
        hint=_IN_PATH,
        code=Code.STORE_FAILED,
    )
