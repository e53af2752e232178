"""What the catalogue has to say about an asset: what is wrong, and what is doubted.

What the catalogue knows to be wrong is an error. What it merely does not know is a warning, for it ages faster than the cloud, and an
error where the user wants it strict; but what looks like a slip of the pen is an error in any case.
"""

import re
from collections.abc import Iterable, Mapping

from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, Severity
from mpsjobs.model.settings import Site
from mpsjobs.spec.blocks import about
from mpsjobs.spec.catalogue import Catalogue, ModelEntry, Parameter, ParameterType
from mpsjobs.spec.layers import Fields, Said
from mpsjobs.spec.suggest import closest, did_you_mean, listed

_TYPES: dict[ParameterType, tuple[type, ...]] = {
    ParameterType.STRING: (str,),
    ParameterType.INTEGER: (int,),
    ParameterType.NUMBER: (int, float),
    ParameterType.BOOLEAN: (bool,),
    ParameterType.OBJECT: (dict,),
    ParameterType.LIST: (list,),
}
_WORDS = {
    ParameterType.STRING: "text",
    ParameterType.INTEGER: "a whole number",
    ParameterType.NUMBER: "a number",
    ParameterType.BOOLEAN: "true or false",
    ParameterType.OBJECT: "a mapping",
    ParameterType.LIST: "a list",
}
_ADD_TO_CATALOGUE = "Check the name; if it is right, add it under `models:` in mpsjobs.yaml."


class Checks:
    """Collects diagnostics. `site` is None where every model is taken: on the emulator."""

    def __init__(self, catalogue: Catalogue, site: Site | None, *, strict: bool) -> None:
        self.catalogue = catalogue
        self.site = site
        self.doubtful = Severity.ERROR if strict else Severity.WARNING
        self.row: Position | None = None  # of the asset that is looked at, where a row made it
        self._found: dict[tuple[Position | None, str, str], Diagnostic] = {}
        self._near: dict[tuple[str, tuple[str, ...]], str | None] = {}

    @property
    def found(self) -> list[Diagnostic]:
        """Each once, however many assets inherit it."""
        return list(self._found.values())

    def add(self, diagnostics: Iterable[Diagnostic]) -> None:
        for each in about(self.row, diagnostics):
            self._found.setdefault((each.position, each.summary, each.detail), each)

    def error(
        self, at: Position, summary: str, detail: str, hint: str, *related: Related, code: Code
    ) -> None:
        self.add([Diagnostic(summary, detail, hint, position=at, related=related, code=code)])

    def doubt(self, at: Position, summary: str, detail: str, hint: str, *, code: Code) -> None:
        self.add([Diagnostic(summary, detail, hint, self.doubtful, at, code=code)])

    def model(self, said: Said) -> ModelEntry:
        """The entry of a model, known or not."""
        name = said.value
        entry = self.catalogue.entry(name)
        if not entry.known:
            names = [
                spelling
                for known in self.catalogue.models.values()
                for spelling in (known.name, *known.aliases)
            ]
            near = self.near(name, names) or next(
                (each for each in names if each.lower().startswith(name.lower())), None
            )
            known = f"Known models: {listed(self.catalogue.models)}."
            if near:
                hint = f'Did you mean "{self.catalogue.entry(near).name}"?'
                self.error(said.at(), f'Unknown model "{name}"', known, hint, code=Code.UNKNOWN_MODEL)
            else:
                detail = f"It may exist all the same, but a wrong name is only found out when the task fails. {known}"
                self.doubt(
                    said.at(), f'Unknown model "{name}"', detail, _ADD_TO_CATALOGUE, code=Code.UNKNOWN_MODEL
                )
        elif self.site and self.site not in entry.sites:
            sites = listed(entry.sites)
            detail = f"The catalogue has it on {sites} only, and this project asks {self.site}."
            self.doubt(
                said.at(),
                f"{entry.name} is not on this site",
                detail,
                "Choose another model or another endpoint.",
                code=Code.NOT_ON_SITE,
            )
        return entry

    def version(self, said: Said, entry: ModelEntry) -> None:
        name = said.value
        if name in entry.versions:
            sites = entry.versions[name]
            if self.site and self.site not in sites and self.site in entry.sites:
                detail = f"The catalogue has it on {listed(sites)} only, and this project asks {self.site}."
                self.doubt(
                    said.at(),
                    f'{entry.name} "{name}" is not on this site',
                    detail,
                    "Choose another version.",
                    code=Code.NOT_ON_SITE,
                )
        elif entry.versions:
            known = f"Known versions: {listed(entry.versions)}."
            if near := self.near(name, entry.versions):
                hint = f'Did you mean "{near}"? The source text counts; quote it if need be.'
                self.error(
                    said.at(),
                    f'Unknown version "{name}" of {entry.name}',
                    known,
                    hint,
                    code=Code.UNKNOWN_VERSION,
                )
            else:
                self.doubt(
                    said.at(),
                    f'Unknown version "{name}" of {entry.name}',
                    known,
                    _ADD_TO_CATALOGUE,
                    code=Code.UNKNOWN_VERSION,
                )

    def one_of(self, said: Said, known: tuple[str, ...], what: str) -> None:
        """A word from a short list that the cloud is known to take, and seldom changes."""
        if said.value in known:
            return
        near = self.near(said.value, known)
        tell = self.error if near else self.doubt
        hint = f'Did you mean "{near}"?' if near else "Check it."
        tell(
            said.at(),
            f'Unknown {what} "{said.value}"',
            f"Known: {listed(known)}.",
            hint,
            code=Code.UNKNOWN_SCENE,
        )

    def format(self, said: Said) -> None:
        known = self.catalogue.formats
        if said.value not in known:
            hint = did_you_mean(said.value, known, f"Write {listed(known, 'or')}.")
            self.error(
                said.at(),
                f'Unknown format "{said.value}"',
                f"It can be {listed(known, 'or')}.",
                hint,
                code=Code.UNKNOWN_FORMAT,
            )

    def voice(self, fields: Fields, entry: ModelEntry, version: str | None) -> None:
        """Lyrics and `instrumental`, which travel as parameters of the model."""
        lyrics, instrumental = fields.get("lyrics"), fields.get("instrumental")
        additional = fields.get("additional_parameters", {})
        if lyrics and not _takes(entry, entry.lyrics, version):
            able = [model.name for model in self.catalogue.models.values() if model.lyrics]
            which = f'{entry.name} "{version}"' if entry.lyrics else entry.name
            detail = f"{which} would ignore them. Models that sing them: {listed(able)}."
            self.error(
                lyrics.key(),
                f"{entry.name} takes no lyrics",
                detail,
                "Choose another model, or remove the lyrics.",
                code=Code.NO_VOICE,
            )
        if instrumental and instrumental.value and not _takes(entry, entry.instrumental, version):
            able = [model.name for model in self.catalogue.models.values() if model.instrumental]
            detail = f"{entry.name} has no parameter for it. Models that do: {listed(able)}."
            hint = "Ask for it in the prompt, and write `instrumental: null` where it is inherited."
            self.error(
                instrumental.key(), f'{entry.name} takes no "instrumental"', detail, hint, code=Code.NO_VOICE
            )
        if lyrics and instrumental and instrumental.value:
            self.error(
                lyrics.key(),
                "Lyrics for an instrumental",
                "An asset is either sung or without a voice.",
                "Remove one of the two; `instrumental: false` where it is inherited.",
                Related(instrumental.key(), "asked for without a voice here"),
                code=Code.LYRICS_AND_INSTRUMENTAL,
            )
        for field, name in (("lyrics", entry.lyrics), ("instrumental", entry.instrumental)):
            if name in additional and field in fields:
                self.error(
                    additional[name].key(),
                    f'"{name}" is given twice',
                    f"The field `{field}` is sent as this parameter.",
                    f"Keep `{field}:` and remove this.",
                    Related(fields[field].key(), "also given here"),
                    code=Code.GIVEN_TWICE,
                )

    def parameter(self, said: Said, value: Json, entry: ModelEntry, version: str | None) -> None:
        """One of `additional_parameters`, with its value as JSON."""
        name = str(said.path[-1])
        known = entry.parameters.get(name)
        if known is None:
            if entry.known:
                hint = did_you_mean(name, entry.parameters, _ADD_TO_CATALOGUE)
                detail = (
                    f"Known parameters: {listed(entry.parameters)}. The cloud may ignore others silently."
                )
                self.doubt(
                    said.key(),
                    f'Unknown parameter "{name}" of {entry.name}',
                    detail,
                    hint,
                    code=Code.UNKNOWN_PARAMETER,
                )
            return
        if not known.taken_by(version):
            detail = f"It belongs to {listed(known.versions)}; this is {version}."
            self.doubt(
                said.key(),
                f'{entry.name} "{version}" takes no "{name}"',
                detail,
                "Remove it, or choose another version.",
                code=Code.PARAMETER_OF_OTHER_VERSION,
            )
        self.typed(said, value, known)
        if name == entry.generations and isinstance(value, int) and value < 1:
            self.error(
                said.at(),
                f'"{name}" is too small',
                "At least one song is made.",
                "Write 1 or more.",
                code=Code.OUT_OF_RANGE,
            )

    def extra_parameter(self, said: Said, value: Json) -> None:
        """One of `extra_parameters`."""
        name, known = str(said.path[-1]), self.catalogue.extra_parameters
        if name in known:
            self.typed(said, value, known[name])
        elif closest(name, ["output_audio_format"]):
            self.error(
                said.key(),
                f'"{name}" is set by "format"',
                "The output format has a field of its own.",
                "Write `format:`.",
                code=Code.GIVEN_TWICE,
            )
        elif near := self.near(name, known):
            self.error(
                said.key(),
                f'Unknown extra parameter "{name}"',
                f"Known: {listed(known)}.",
                f'Did you mean "{near}"?',
                code=Code.UNKNOWN_PARAMETER,
            )
        else:
            hint = "Parameters of the model belong under `additional_parameters:`."
            self.doubt(
                said.key(),
                f'Unknown extra parameter "{name}"',
                f"Known: {listed(known)}.",
                hint,
                code=Code.UNKNOWN_PARAMETER,
            )

    def typed(self, said: Said, value: Json, parameter: Parameter) -> None:
        types = _TYPES.get(parameter.type)
        if types is None or (isinstance(value, types) and (bool in types or not isinstance(value, bool))):
            return
        wanted = _WORDS[parameter.type]
        quotes = "in" if parameter.type is ParameterType.STRING else "without"
        hint = f"Write {wanted}, {quotes} quotes."
        self.error(
            said.at(),
            f'"{said.path[-1]}" must be {wanted}',
            "The model would not understand it.",
            hint,
            code=Code.PARAMETER_TYPE,
        )

    def references(self, said: Said, kind: str, entry: ModelEntry) -> None:
        if kind not in entry.references:
            able = [model.name for model in self.catalogue.models.values() if kind in model.references]
            detail = f"As far as the catalogue knows; it may be ignored or refused. Models that do: {listed(able)}."
            self.doubt(
                said.key(),
                f"{entry.name} takes no {kind} references",
                detail,
                "Remove it, or choose another model.",
                code=Code.NO_REFERENCES,
            )

    def near(self, word: str, known: Iterable[str] | Mapping[str, object]) -> str | None:
        """The known word of which this is a misspelling. Other numbers are other things: 2.7 is no slip for 2.6."""
        key = (word, tuple(known))
        if key not in self._near:
            same = [name for name in key[1] if _numbers(name) == _numbers(word)]
            self._near[key] = closest(word, same, cutoff=0.75)
            if self._near[key] is None:
                self._near[key] = next(
                    (name for name in same if _only_number(name) == _only_number(word) is not None), None
                )
        return self._near[key]


def _takes(entry: ModelEntry, name: str | None, version: str | None) -> bool:
    if name is None:
        return False
    parameter = entry.parameters.get(name)
    return parameter is None or parameter.taken_by(version)


def _numbers(word: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", word)]


def _only_number(word: str) -> float | None:
    bare = re.fullmatch(r"[vV]?(\d+(?:\.\d+)?)", word)
    return float(bare[1]) if bare else None
