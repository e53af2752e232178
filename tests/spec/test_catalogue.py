"""The catalogue as it is shipped, and what a project adds."""

import pytest

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.settings import Site
from mpsjobs.spec.catalogue import FormatPlace, Parameter, ParameterType, load_catalogue


def test_what_is_shipped() -> None:
    catalogue = load_catalogue()
    assert list(catalogue.models) == ["GL", "MiniMaxMusic", "EL", "Mureka", "Kling"]
    assert catalogue.prompt_limit == 2000
    assert catalogue.formats == ("mp3", "wav")
    assert catalogue.format_place == {Site.INTL: FormatPlace.TOP_LEVEL, Site.CN: FormatPlace.EXTRA_PARAMETERS}
    assert catalogue.entry("MinimaxMusic") is catalogue.models["MiniMaxMusic"]
    assert catalogue.models["MiniMaxMusic"].versions["3.0"] == (Site.CN,)
    assert catalogue.models["EL"].instrumental == "ForceInstrumental"


def test_parameters_know_their_versions() -> None:
    lyrics = load_catalogue().models["Mureka"].parameters["lyrics"]
    assert lyrics.taken_by("song_9.5")
    assert not lyrics.taken_by("instrumental_9.5")
    assert lyrics.taken_by(None)


def test_songs_of_a_task() -> None:
    mureka = load_catalogue().entry("Mureka")
    assert [mureka.songs(parameters) for parameters in ({}, {"n": 3}, {"n": 0}, {"n": "3"})] == [1, 3, 1, 1]
    assert load_catalogue().entry("GL").songs({"n": 3}) == 1


def test_of_an_unknown_model_everything_is_thought_possible() -> None:
    entry = load_catalogue().entry("Suno")
    assert (entry.name, entry.known, entry.lyrics, entry.instrumental) == (
        "Suno",
        False,
        "lyrics",
        "is_instrumental",
    )


def test_a_project_adds_and_corrects() -> None:
    catalogue = load_catalogue(
        {
            "New": {"versions": ["1"], "sites": ["cn"], "parameters": {"seed": "integer"}},
            "MinimaxMusic": {"lyrics": "lyric", "versions": ["4.0"], "aliases": ["MMM"]},
        }
    )
    assert catalogue.models["New"].versions == {"1": (Site.CN,)}
    assert catalogue.models["New"].parameters == {"seed": Parameter(ParameterType.INTEGER)}
    minimax = catalogue.entry("MMM")
    assert minimax.name == "MiniMaxMusic"
    assert minimax.lyrics == "lyric"
    assert list(minimax.versions) == ["2.0", "2.5", "2.6", "3.0", "4.0"]
    assert "MinimaxMusic" not in catalogue.models
    assert load_catalogue().models["MiniMaxMusic"].lyrics == "lyrics"


def test_of_another_form() -> None:
    with pytest.raises(SpecError, match="Unknown key"):
        load_catalogue({"New": {"version": "1"}})
