"""A project as the page asks for it: the document, and audio as files of this machine."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from mpsjobs.deciding import Verdict, diff_of
from mpsjobs.model.asset import Json
from mpsjobs.model.state import Output
from mpsjobs.project import Options, Project
from mpsjobs.review.document import Subject, asset_document, heard, outputs_of, summary_document
from mpsjobs.upkeep.fetching import Fetched, fetch_files
from mpsjobs.wiring import SCRATCH


@dataclass(slots=True)
class Listening:
    """Thread-safe. Reads specs and state anew for each document, so that a reload of the page shows what is there now."""

    project: Project
    only_changed: bool = False
    _outputs: dict[str, Output] = field(default_factory=dict)
    _before: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _deciding: Lock = field(default_factory=Lock)

    def look(self) -> Subject:
        """What is to be shown now; from then on the audio that it names can be asked for.

        Raises:
            SpecError, StateError: see `Project.plan`.
        """
        with self._lock:
            project = self.project
            loaded, state = project.load(), project.state()
            subject = Subject(
                project.settings.project,
                project.plan_for(loaded, state, Options()),
                {asset.address: asset for asset in loaded.assets},
                state,
                project.connections.measurer.known,
                loaded.statements.decisions,
            )
            self._outputs = outputs_of(subject, only_changed=self.only_changed)
            return subject

    def decide(self, verdicts: Iterable[Verdict]) -> dict[str, Json]:
        """Write decisions into the project's files: the assets that they concern as they are now, what the plan comes to, and what has changed in files so far.

        Raises:
            MpsjobsError: see `Project.decide`; nothing was written.
        """
        with self._deciding:
            decided = self.project.decide(verdicts)
            for name, (before, _) in decided.files.items():
                self._before.setdefault(name, before)
        subject = self.look()
        sounds = {each.fingerprint for each in subject.plan.changes if each.address in decided.after}
        return {
            "diff": self.diff,
            "summary": summary_document(subject.plan),
            "assets": [
                asset_document(subject, change)
                for change in subject.plan.changes
                if change.fingerprint in sounds
            ],
        }

    @property
    def diff(self) -> str:
        """What has changed in files since the first decision on the page, as `git diff` shows it."""
        now = {
            name: (before, (self.project.root / name).read_bytes().decode(errors="replace"))
            for name, before in sorted(self._before.items())
            if (self.project.root / name).is_file()
        }
        return diff_of(now)

    def outputs(self) -> dict[str, Output]:
        """The audio that was last to be shown, by the names in the document."""
        return self._outputs

    def heard(self, name: str) -> dict[str, Json] | None:
        """Figures and waveform of one of these files, measured now if they are not known; None as for `audio`.

        Raises:
            OSError: the file cannot be read.
        """
        file, output = self.audio(name), self._outputs.get(name)
        if file is None or output is None:
            return None
        return heard(output, self.project.connections.measurer.measure(file, output.sha256))

    def audio(self, name: str) -> Path | None:
        """The file of one of these names, fetched from the store and checked if it is not on this machine; None: no such name, or gone.

        No part of a path comes from whoever asks: a name is looked up among those of the document.
        """
        output = self._outputs.get(name)
        if output is None:
            return None
        if local := self.project.connections.file_of(output):
            return local if local.stat().st_size == output.size else None
        file = self.project.root / SCRATCH / "cache" / "audio" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        (found,) = fetch_files(self.project.connections.objects, {file: output}, lambda _: None)
        return found.file if isinstance(found, Fetched) else None
