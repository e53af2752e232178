"""Did you mean …?"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

# The names of the API, for those who come from its page, and of other tools.
_OF_THE_API = {
    "modelname": "model",
    "modelversion": "version",
    "scenetype": "scene",
    "audioinfos": "reference_audio",
    "videoinfos": "reference_video",
    "outputaudioformat": "format",
    "storecosparam": "store",
    "extraparameters": "extra_parameters",
    "additionalparameters": "additional_parameters",
    "resourceid": "resource_id",
    "cosbucketname": "bucket",
    "cosbucketregion": "region",
    "cosbucketpath": "prefix",
    "isinstrumental": "instrumental",
    "lyric": "lyrics",
    "vars": "variables",
}


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str | None:
    """The known word that was probably meant, whatever the case, the separators and a slip or two."""
    by_form: dict[str, str] = {}
    for name in known:
        by_form.setdefault(_form(name), name)
    form = _form(word)
    if (ours := _OF_THE_API.get(form)) in by_form.values():
        return ours
    found = get_close_matches(form, by_form, n=1, cutoff=cutoff)
    return by_form[found[0]] if found else None


def did_you_mean(word: str, known: Collection[str], otherwise: str = "") -> str:
    """A hint in the imperative."""
    name = closest(word, known)
    return f'Did you mean "{name}"?' if name else otherwise


def listed(words: Iterable[str], joint: str = "and") -> str:
    """`a, b and c`."""
    items = list(words)
    return f" {joint} ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else "none"


def _form(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")
