"""Credentials, the way to the API, the clock, and what the API says to a question that costs nothing."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mpsjobs.cloud.credentials import Credentials
from mpsjobs.doctor.answers import of_question
from mpsjobs.doctor.finding import Finding, Status, failed, from_error, needs, not_needed, ok, warning
from mpsjobs.doctor.proxies import Way, unreachable, ways
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.settings import ProviderKind, StoreKind
from mpsjobs.wiring import Connections

_NO_TASK: Final = "mpsjobs-doctor-asks-for-a-task-that-does-not-exist"
_SOON: Final = timedelta(hours=1)
_SKEW_NOTICED_S: Final = 60
_SKEW_REFUSED_S: Final = 300
"""The API refuses signatures that are further than five minutes from its own time."""

_UNREACHED: Final = {
    "NameNotResolved": "Check that this machine is online, its DNS, and `provider.endpoint`.",
    "ConnectionRefused": "Nothing listens there: check host and port of `provider.endpoint`.",
    "ConnectTimeout": "Check that this machine is online; behind a firewall, set HTTPS_PROXY.",
    "TlsFailed": "Check the host of `provider.endpoint`; for authorities of your own, set `network.ca_file`.",
    "NotAnApiAnswer": "Check `provider.endpoint`: something else answers there, such as the login page of a network.",
}
_OTHERWISE: Final = "Check the network, proxies and `provider.endpoint`."


@dataclass(frozen=True, slots=True)
class Access:
    """What later checks build on: whether there are keys, and which of the ways are blocked by their proxy."""

    keys: bool
    blocked: frozenset[str] = frozenset()


def account(connections: Connections) -> Generator[Finding, None, Access]:
    """Everything but the store, and what the store's checks have to know about it."""
    tencent = connections.settings.provider.kind is ProviderKind.TENCENT
    keys = True
    if tencent or connections.settings.store.kind is StoreKind.COS:
        keys = yield from _credentials(connections)
    else:
        yield from not_needed("the emulator has keys of its own", "credentials")
    try:
        found = ways(connections)
    except CloudError as error:
        yield from_error("proxy", error)
        remote = tencent or connections.settings.provider.endpoint
        blocked, found = frozenset({"api", "store"} if remote else {"store"}), {}
    else:
        blocked = yield from _proxies(found, connections.settings.network.connect_timeout_s)
    api = found.get("api")
    if "api" in blocked:
        yield from needs("proxy", "network", "clock", "api")
    else:
        yield from _api(connections, api, keys=keys or not tencent)
    if tencent:
        yield Finding(
            "role",
            Status.SKIPPED,
            "not known: that a task may be created and its output written shows only when one is paid for.",
            "It takes the action mps:CreateAigcAudioTask for the keys, and the role MPS_QcsRole in the account.",
            "Buy one song first, with `policy.max_generations_per_apply: 1`.",
        )
    else:
        yield from not_needed("the emulator writes by itself", "role")
    return Access(keys, blocked)


# --- credentials -----------------------------------------------------------------------------------------------------------------


def _credentials(connections: Connections) -> Generator[Finding, None, bool]:
    try:
        provider = connections.credentials()
        source, found = provider.source, provider()
    except CloudError as error:
        yield from_error("credentials", error)
        return False
    yield described(source, found, connections.clock.utc())
    return True


def described(source: str, found: Credentials, now: datetime) -> Finding:
    """What they are, never what is in them."""
    name = "credentials"
    if not found.token:
        return ok(name, f"Permanent keys, from: {source}.")
    if found.expires_at is None:
        return ok(name, f"Temporary keys, from: {source}.", "When they end is not known.")
    left = found.expires_at - now
    ends = f"{found.expires_at:%Y-%m-%d %H:%M} UTC"
    if left <= timedelta(0):
        return failed(
            name, f"Temporary keys, from: {source}, have ended.", f"They ended at {ends}.", "Get new ones."
        )
    summary = f"Temporary keys, from: {source}; they end at {ends}, in {_minutes(left)}."
    if left < _SOON:
        return warning(
            name,
            summary,
            "URLs to files that a model works from have to live for an hour; and unless the keys are renewed, a long apply outlives them.",
            "Get keys that live longer, or a role, whose keys are renewed: see docs/credentials.md.",
        )
    return ok(name, summary)


def _minutes(span: timedelta) -> str:
    minutes = max(1, round(abs(span.total_seconds()) / 60))
    return f"{minutes} minute{'s'[: minutes != 1]}"


# --- the way -----------------------------------------------------------------------------------------------------------------------


def _proxies(found: Mapping[str, Way], timeout_s: float) -> Generator[Finding, None, frozenset[str]]:
    """Look at every proxy that is in the way. Gives the names of the ways behind one that cannot be reached."""
    proxied = {name: way for name, way in found.items() if way.proxy}
    troubles = {
        name: why for name, way in proxied.items() if way.proxy and (why := unreachable(way.proxy, timeout_s))
    }
    if not found:
        yield from not_needed("nothing leaves this machine", "proxy")
    elif not proxied:
        yield ok("proxy", f"No proxy stands before {' and '.join(dict.fromkeys(map(str, found.values())))}.")
    elif not troubles:
        yield ok(
            "proxy",
            "; ".join(f"{way} is reached through the {way.between}" for way in proxied.values()) + ".",
        )
    else:
        lines = []
        for name, why in troubles.items():
            way = proxied[name]
            lines += [
                f"{way} would be reached through the {way.between}: {why}.",
                f"Without it, {way} {_directly(way, timeout_s)}.",
            ]
        first = proxied[next(iter(troubles))]
        summary = f"The {first.between} cannot be reached."
        yield failed("proxy", summary, "\n".join(dict.fromkeys(lines)), first.remedy)
    return frozenset(troubles)


def _directly(way: Way, timeout_s: float) -> str:
    why = unreachable(way.endpoint, timeout_s)
    return f"cannot be reached either: {why}" if why else "can be reached"


# --- the API -----------------------------------------------------------------------------------------------------------------------


def _api(connections: Connections, way: Way | None, *, keys: bool) -> Iterator[Finding]:
    """Greet the API, compare the clocks, and ask for a task that does not exist."""
    try:
        with connections.mps(_no_keys) as client:
            there = client.greet()
            now = connections.clock.utc()
    except CloudError as error:
        yield _unreached(connections, way, error)
        yield from needs("network", "clock", "api")
        return
    embedded = "The embedded emulator answers."
    yield ok(
        "network",
        f"{way} answers{f', through the {way.between}' if way.proxy else ''}." if way else embedded,
    )
    if way is None:
        yield from not_needed("the emulator has this machine's clock", "clock")
    else:
        yield _clock(there, now)
    if not keys:
        yield from needs("credentials", "api")
        return
    try:
        with connections.mps() as client:
            yield of_question("api", client.describe(_NO_TASK))
    except CloudError as error:
        yield from_error("api", error)


def _no_keys() -> Credentials:
    raise AssertionError("a greeting is not signed")


def _unreached(connections: Connections, way: Way | None, error: CloudError) -> Finding:
    (told,) = error.diagnostics
    remedy = told.hint or _UNREACHED.get(error.code, _OTHERWISE)
    if way is None:
        return failed("network", "The embedded emulator does not answer.", told.detail, told.hint)
    detail = told.detail
    if way.proxy:
        directly = _directly(way, connections.settings.network.connect_timeout_s)
        detail = f"{detail}\nThis was through the {way.between}. Without it, {way} {directly}."
        remedy = way.remedy
    return failed("network", f"{way} cannot be used.", detail, remedy)


def _clock(there: datetime | None, now: datetime) -> Finding:
    if there is None:
        return warning(
            "clock", "The API did not say what time it has.", "Signatures hold for five minutes around it."
        )
    skew = (there - now).total_seconds()
    side = "behind" if skew > 0 else "ahead of"
    if abs(skew) < _SKEW_NOTICED_S:
        return ok("clock", "This machine's clock agrees with the API's.")
    summary = f"This machine's clock is {_minutes(timedelta(seconds=skew))} {side} the API's."
    detail = f"Here it is {now:%H:%M:%S} UTC, there {there:%H:%M:%S}."
    remedy = "Set the clock, for example: timedatectl set-ntp true"
    if abs(skew) < _SKEW_REFUSED_S:
        return warning("clock", summary, f"{detail} From five minutes on, every request is refused.", remedy)
    return failed("clock", summary, f"{detail} The API refuses what is five minutes off.", remedy)
