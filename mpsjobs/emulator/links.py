"""Result URLs: signed, good for twelve hours, and never a path of the file system."""

import hmac
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from mpsjobs.emulator.clock import Clock
from mpsjobs.emulator.faults import TaskFault
from mpsjobs.emulator.keys import secret_in
from mpsjobs.emulator.objects import Storage
from mpsjobs.emulator.task import Task
from mpsjobs.emulator.tasks import Tasks

LIFE_S = 12 * 3600  # documented for images and video; the audio page does not say

_PATH = re.compile(r"/outputs/([A-Za-z0-9-]{1,80})/([0-9]{1,2})\.(?:mp3|wav)")
_TYPES = {".mp3": "audio/mpeg", ".wav": "audio/wav"}


class Found(NamedTuple):
    path: Path
    content_type: str


class Refused(Exception):  # noqa: N818 — reads as what happened
    """The URL leads nowhere; `status` is HTTP's."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Links:
    """Makes and reads result URLs with a key that lives in the data folder, so that they outlive a restart.

    Where the storage has URLs of its own, those are given, as the cloud does; a fault still needs one that leads here.
    """

    def __init__(self, data: Path, clock: Clock, storage: Storage) -> None:
        self._storage = storage
        self._key = secret_in(data / "url.key")
        self._clock = clock

    def make(self, base: str, task: Task, index: int) -> str:
        """The URL of one output of a finished task."""
        if task.finish is None:
            raise ValueError("only finished tasks have outputs")
        output = task.finish.outputs[index]
        life = -1 if task.fate.task is TaskFault.URL_EXPIRED else LIFE_S
        if life > 0 and not task.withheld and (url := self._storage.url(output.place, life)):
            return url
        path = f"/outputs/{task.task_id}/{index}{Path(output.key).suffix}"
        expires = str(int(self._clock.now()) + life)
        return f"{base}{path}?expires={expires}&sign={self._sign(path, expires)}"

    def find(self, target: str, tasks: Tasks) -> Found:
        """The file that a request target asks for. Raises Refused."""
        parts = urlsplit(target)
        match = _PATH.fullmatch(parts.path)
        if match is None:
            raise Refused(404, "there is no such page")
        query = parse_qs(parts.query)
        expires, sign = query.get("expires", [""])[0], query.get("sign", [""])[0]
        if not hmac.compare_digest(self._sign(parts.path, expires).encode(), sign.encode()):
            raise Refused(403, "the signature of the URL is wrong")
        if self._clock.now() > int(expires):
            raise Refused(403, "the URL has expired")
        task = tasks.find(match[1])
        index = int(match[2])
        if task is None or task.finish is None or index >= len(task.finish.outputs):
            raise Refused(404, "there is no such output")
        path = tasks.file_of(task, task.finish.outputs[index])
        return Found(path, _TYPES[path.suffix])

    def _sign(self, path: str, expires: str) -> str:
        return hmac.digest(self._key, f"{path}\n{expires}".encode(), "sha256").hex()
