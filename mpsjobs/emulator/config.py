"""What an emulator is told when it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from mpsjobs.emulator.fault_input import check_delays, check_probabilities

AudioKind = Literal["full", "short", "stub"]
Addressing = Literal["virtual", "path"]

# No real prompt holds this word; one that does is refused as a violation, so that programs can be tested on it.
BLOCKED_WORD = "mpsblockedword"


def default_credentials() -> Mapping[str, str]:
    """The pair of the environment if both halves are set, else the documented pair `AKIDemulator`/`emulator`."""
    secret_id = os.environ.get("TENCENTCLOUD_SECRET_ID")
    secret_key = os.environ.get("TENCENTCLOUD_SECRET_KEY")
    if secret_id and secret_key:
        return {secret_id: secret_key}
    return {"AKIDemulator": "emulator"}


def default_tokens() -> Mapping[str, str]:
    """SecretId to session token: where the pair of the environment is a temporary one, its token belongs to it."""
    # The second is what the vendor's Terraform provider reads.
    token = os.environ.get("TENCENTCLOUD_TOKEN") or os.environ.get("TENCENTCLOUD_SECURITY_TOKEN")
    return dict.fromkeys(default_credentials(), token) if token else {}


def default_store_keys() -> tuple[str, str] | None:
    """The pair for the S3 server, where it is not the account's."""
    secret_id, secret_key = (os.environ.get(f"MPSJOBS_STORE_SECRET_{half}") for half in ("ID", "KEY"))
    return (secret_id, secret_key) if secret_id and secret_key else None


@dataclass(frozen=True, slots=True)
class EmulatorConfig:
    """The settings of one emulator."""

    data: Path
    """Holds the ledger, the lock, the address and the URL key. One emulator at a time."""
    store: Path | None = None
    """Outputs go to `<store>/<bucket>/<key>`; by default `<data>/store`."""
    host: str = "127.0.0.1"
    port: int = 0
    speed: float = 1.0
    """1 takes as long as the cloud does (median 90 s); 20 is twenty times quicker."""
    audio: AudioKind = "full"
    requests_per_second: int = 20
    """The limit for each action."""
    credentials: Mapping[str, str] = field(default_factory=default_credentials)
    """SecretId to SecretKey. The first pair is the account that roles belong to."""
    tokens: Mapping[str, str] = field(default_factory=default_tokens)
    """SecretId to the token that requests must bring along."""
    store_endpoint: str | None = None
    """Outputs go to this S3 server, `http[s]://host[:port]`, instead of a folder."""
    store_addressing: Addressing = "virtual"
    """Whether the bucket stands in the host's name or in the path."""
    store_keys: tuple[str, str] | None = field(default_factory=default_store_keys)
    """SecretId and SecretKey for the S3 server; by default the account's."""
    blocklist: tuple[str, ...] = (BLOCKED_WORD,)
    """Prompts and lyrics that hold one of these words are refused."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Name to probability; the names and what they do are in `faults.py`."""
    fault_seed: int = 0
    """The same seed and the same requests give the same faults."""
    fault_delays: Mapping[str, float] = field(default_factory=dict)
    """Seconds for `slow` and `write-late`, where they are to be others."""

    def __post_init__(self) -> None:
        if self.speed <= 0:
            raise ValueError("speed must be above 0")
        if self.requests_per_second < 1:
            raise ValueError("requests_per_second must be at least 1")
        if self.store_endpoint is not None:
            check_endpoint(self.store_endpoint)
            if self.store is not None:
                raise ValueError("outputs go to a folder or to an S3 server, not to both")
        check_probabilities(self.faults)
        check_delays(self.fault_delays)

    @property
    def objects(self) -> Path:
        """The folder that stands for the object storage."""
        return self.store if self.store is not None else self.data / "store"


def check_endpoint(endpoint: str) -> None:
    """Raises ValueError unless it is `http[s]://host[:port]`."""
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"`{endpoint}` is not http[s]://host[:port]")
