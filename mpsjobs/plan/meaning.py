"""What the specs mean, so that two versions of them can be compared: whatever a plan acts on, and nothing else."""

from collections.abc import Sequence
from typing import Any, Final

from mpsjobs.model.asset import Asset, StoreTarget
from mpsjobs.model.state import State
from mpsjobs.plan.wanted import in_order, name_sounds

_NOTHING_DONE: Final = State("")


def meanings(assets: Sequence[Asset], publish_to: StoreTarget) -> dict[str, tuple[Any, ...]]:
    """What each address stands for: its sound by fingerprint, its takes, lifecycle, and where they go.

    Where it is written, tags and descriptions take no part, nor does anything that was done. `publish_to` is the project's store.
    """
    named = name_sounds(in_order(assets), _NOTHING_DONE, "", lambda *_: False)
    return {address: _meaning(want.asset, want.fingerprint, publish_to) for address, want in named.items()}


def _meaning(asset: Asset, fingerprint: str, publish_to: StoreTarget) -> tuple[Any, ...]:
    return (
        fingerprint,
        asset.takes,
        asset.pick,
        asset.lifecycle,
        asset.master,
        asset.operator,
        asset.store,
        asset.depends_on,
        asset.ignore_changes,
        (publish_to, asset.publish, asset.publish_when) if asset.publish else None,
    )


def differing(now: dict[str, tuple[Any, ...]], then: dict[str, tuple[Any, ...]]) -> frozenset[str]:
    """The addresses that stand for something else now, or for anything at all in only one of the two."""
    return frozenset(address for address in now.keys() | then.keys() if now.get(address) != then.get(address))
