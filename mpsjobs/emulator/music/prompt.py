"""Reading a prompt: words become tempo, key, metre, length and an ensemble. What is not said, the seed decides."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

MAX_SECONDS = 120.0
_TONICS = MappingProxyType({"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11})


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Who plays which part; None is silent."""

    lead: str | None = None
    chords: str | None = None
    pad: str | None = None
    arp: str | None = None
    bass: str | None = None
    drums: str | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """What a piece shall be."""

    bpm: float
    tonic: int
    """0 is C, 11 is B."""
    mode: str
    beats: int
    """In a bar."""
    seconds: float | None
    """The length asked for."""
    energy: float
    """0 is still, 1 is wild."""
    swing: float
    """How late the off-beat eighths come, as part of a beat."""
    sevenths: bool
    room_s: float
    """How long the room rings."""
    dusty: bool
    """Sounds like an old record."""
    ensemble: Ensemble


@dataclass(frozen=True, slots=True)
class _Style:
    words: str
    bpm: tuple[float, float]
    energy: float
    ensembles: tuple[Ensemble, ...]
    modes: tuple[str, ...] = ("major", "minor")
    swing: float = 0.0
    sevenths: bool = False
    room_s: float = 1.6


# The first style whose words occur wins; the last has none and is for everything else.
_STYLES: Mapping[str, _Style] = MappingProxyType({
    "chiptune": _Style(
        r"8.?bit|chip.?tune|chip music|arcade|game ?boy|\bnes\b", (122, 150), 0.7,
        (Ensemble("square", None, None, "pulse", "triangle", "chip"),), room_s=0.5,
    ),
    "lofi": _Style(
        r"lo.?fi|chill.?hop|hip.?hop|\bstudy", (72, 86), 0.35,
        (Ensemble("vibes", "epiano", None, None, "finger", "lofi"), Ensemble("guitar", "epiano", "pad", None, "finger", "lofi")),
        ("dorian", "major", "minor"), 0.14, sevenths=True, room_s=1.0,
    ),
    "rock": _Style(
        r"\brock\b|rocking|\bmetal\b|punk|grunge", (116, 142), 0.85,
        (Ensemble("overdrive", "power", None, None, "pick", "rock"),), ("minor", "mixolydian"), room_s=0.9,
    ),
    "battle": _Style(
        r"battle|boss|combat|fight|\bwar\b|chase|\baction", (120, 142), 0.95,
        (Ensemble("brass", "strings", "choir", "stab", "contra", "taiko"), Ensemble("strings", "brass", "choir", "stab", "contra", "taiko")),
        ("minor", "phrygian"), room_s=2.2,
    ),
    "dark": _Style(
        r"horror|creepy|eerie|suspens|haunt|sinister|dungeon|\bcave\b", (62, 84), 0.25,
        (Ensemble("bells", None, "choir", None, "contra", "sparse"), Ensemble("strings", None, "pad", None, "contra", "sparse")),
        ("phrygian", "minor"), room_s=3.0,
    ),
    "orchestral": _Style(
        r"orchest|symphon|cinematic|\bepic|\bfilm|trailer|heroic|fantasy|adventur|\btheme", (84, 108), 0.6,
        (Ensemble("flute", "strings", "choir", "harp", "contra", "timpani"), Ensemble("brass", "strings", "strings", "harp", "contra", "timpani"),
         Ensemble("strings", "brass", "choir", "harp", "contra", "timpani")), room_s=2.4,
    ),
    "ambient": _Style(
        r"ambien|drone|meditat|\bspace\b|sleep|atmospher|\bnight|\bpad\b", (58, 72), 0.12,
        (Ensemble("bells", None, "pad", None, "sub", None), Ensemble("flute", None, "pad", "harp", "sub", None), Ensemble("vibes", None, "choir", None, "sub", None)),
        ("lydian", "major", "dorian"), sevenths=True, room_s=3.2,
    ),
    "electronic": _Style(
        r"electro|techno|\bhouse\b|\bedm\b|\bdance|synth.?wave|\btrance|cyber|\bclub|neon", (116, 130), 0.8,
        (Ensemble("saw", None, "pad", "pluck", "acid", "four"), Ensemble("square", None, "pad", "pluck", "acid", "four")), ("minor", "dorian"), room_s=1.4,
    ),
    "jazz": _Style(
        r"jazz|bossa|lounge|\bswing|\bblues", (96, 132), 0.45,
        (Ensemble("vibes", "piano", None, None, "walking", "brush"), Ensemble("brass", "piano", None, None, "walking", "brush")),
        ("dorian", "major", "mixolydian"), 0.16, sevenths=True, room_s=1.0,
    ),
    "folk": _Style(
        r"\bfolk|acoustic|country|campfire|celtic|tavern|medieval|village|\bforest", (88, 112), 0.4,
        (Ensemble("flute", None, "strings", "guitar", "finger", "light"), Ensemble("guitar", None, "pad", "guitar", "finger", "light")),
        ("major", "mixolydian", "dorian"), room_s=1.6,
    ),
    "song": _Style(
        "", (84, 112), 0.45,
        (Ensemble("piano", "piano", "strings", None, "finger", "light"), Ensemble("bells", "piano", "pad", "pluck", "finger", "light"),
         Ensemble("flute", "epiano", "strings", "guitar", "finger", "light")), room_s=1.8,
    ),
})  # fmt: skip

# Named players: a pattern, the part, the timbre. The last one named for a part wins.
_PLAYERS = (
    (r"string|cello|viola", "pad", "strings"),
    (r"violin|fiddle|erhu", "lead", "strings"),
    (r"\bpad", "pad", "pad"),
    (r"choir|choral|\bchant|angelic", "pad", "choir"),
    (r"piano|\bkeys\b", "chords", "piano"),
    (r"\be-?piano|electric piano|rhodes|wurli", "chords", "epiano"),
    (r"organ\b", "chords", "organ"),
    (r"guitar|ukulele|banjo|\blute|mandolin|strum", "arp", "guitar"),
    (r"harp\b|koto|guzheng|zither", "arp", "harp"),
    (r"pluck|arpegg", "arp", "pluck"),
    (r"electric guitar|distort|overdriv", "chords", "power"),
    (r"synth\b(?! (?:pad|bass|drum))|synth lead", "lead", "saw"),
    (r"\bbells?\b|glocken|celesta|chime|music.?box", "lead", "bells"),
    (r"vibraphone|marimba|xylophone|kalimba|mallet", "lead", "vibes"),
    (r"flute|whistle|recorder|woodwind|oboe|clarinet|piccolo|shakuhachi", "lead", "flute"),
    (r"brass|trumpet|\bhorns?\b|trombone|fanfare|sax", "lead", "brass"),
    (r"\bbass\b|bassline|bass line", "bass", "finger"),
    (r"synth bass|acid|808", "bass", "acid"),
    (r"sub.?bass", "bass", "sub"),
    (r"drum|percussion|\bbeats?\b|groove", "drums", "rock"),
    (r"shaker|tambourine|bongo|conga|cajon", "drums", "light"),
    (r"taiko|timpani", "drums", "taiko"),
)  # fmt: skip

# The vendor's users write Chinese too: the commonest words, longest first where one holds another.
_CHINESE = (
    ("没有", "no"), ("无", "no"), ("钢琴", "piano"), ("吉他", "guitar"), ("小提琴", "violin"), ("大提琴", "cello"), ("弦乐", "strings"),
    ("笛", "flute"), ("古筝", "guzheng"), ("二胡", "erhu"), ("鼓", "drums"), ("贝斯", "bass"), ("合唱", "choir"), ("铃", "bells"),
    ("摇滚", "rock"), ("爵士", "jazz"), ("电子", "electronic"), ("管弦", "orchestral"), ("战斗", "battle"), ("史诗", "epic"),
    ("悲伤", "sad"), ("忧伤", "sad"), ("黑暗", "dark"), ("紧张", "tense"), ("欢快", "happy"), ("快乐", "happy"), ("希望", "hopeful"), ("温暖", "warm"),
    ("安静", "calm"), ("平静", "calm"), ("舒缓", "calm"), ("慢", "slow"), ("快速", "fast"), ("激烈", "intense"), ("圆舞曲", "waltz"),
    ("分钟", "minutes"), ("秒", "seconds"),
)  # fmt: skip
_DARK = r"dark|\bsad|tense|tension|melanchol|sorrow|lonely|gloom|grief|anxious|ominous|mourn|tragic|menac|bitter|minor|rainy"
_BRIGHT = r"hope|happy|bright|joy|cheer|upbeat|sunny|uplift|playful|triumph|warm|cute|celebrat|victory|funny|major|morning"
_CALM = r"\bslow|\bcalm|gentle|soft|peace|relax|quiet|tender|dream|lullaby|serene|ballad|intimate"
_LIVELY = r"\bfast|driving|energetic|upbeat|intense|aggress|powerful|wild|frantic|urgent|lively|\bhard\b"


def read(prompt: str, rng: random.Random) -> Brief:
    """The brief of a prompt. Figures in it are kept exactly: a tempo in bpm, a key, a metre, a length."""
    lower = prompt.lower()
    for word, english in _CHINESE:
        lower = lower.replace(word, f" {english} ")
    # What is ruled out must not count as named: "no drums", "without bass or piano".
    ruled_out = r"\b(?:no|without)\s+((?:[a-z-]+(?:,?\s+or|\s+and)\s+){0,3}[a-z-]+)"
    refused = " ".join(re.findall(ruled_out, lower))
    text = re.sub(ruled_out, " ", lower)
    style = next(style for style in _STYLES.values() if re.search(style.words, text))
    plain = style is _STYLES["song"]
    lively = len(re.findall(_LIVELY, text)) - len(re.findall(_CALM, text))
    energy = min(1.0, max(0.05, style.energy + 0.22 * lively))
    tonic, mode = _key(text, style, rng)
    ensemble = _cast(text, refused, rng.choice(style.ensembles), plain=plain, energy=energy)
    return Brief(
        bpm=_bpm(text, style, lively, rng),
        tonic=tonic,
        mode=mode,
        beats=_beats(text),
        seconds=_seconds(text),
        energy=energy,
        swing=style.swing or (0.12 if "swing" in text or "shuffle" in text else 0.0),
        sevenths=style.sevenths,
        room_s=style.room_s,
        dusty=style is _STYLES["lofi"] or "vinyl" in text,
        ensemble=ensemble,
    )


def _bpm(text: str, style: _Style, lively: int, rng: random.Random) -> float:
    drawn = rng.uniform(*style.bpm)
    exact = re.search(r"(\d{2,3}(?:\.\d+)?)\s*-?\s*bpm|bpm\s*[:=]?\s*(\d{2,3})", text)
    if exact:
        return min(240.0, max(40.0, float(exact[1] or exact[2])))
    return round(min(176.0, max(54.0, drawn * 1.1 ** max(-3, min(3, lively)))))


def _key(text: str, style: _Style, rng: random.Random) -> tuple[int, str]:
    tonic, mode = rng.randrange(12), rng.choice(style.modes)
    named = re.search(
        r"\b([a-g])(#|♯|-sharp| sharp|b|♭|-flat| flat)?[ -](major|minor|dorian|phrygian|lydian|mixolydian)\b",
        text,
    )
    if named:
        shift = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}.get(
            named[2] or "", 1 if "sharp" in (named[2] or "") else -1
        )
        return (_TONICS[named[1]] + shift) % 12, named[3]
    modal = re.search(r"\b(dorian|phrygian|lydian|mixolydian)\b", text)
    if modal:
        return tonic, modal[1]
    gloom = len(re.findall(_DARK, text)) - len(re.findall(_BRIGHT, text))
    if gloom > 0:
        return tonic, mode if mode in {"minor", "dorian", "phrygian"} else "minor"
    if gloom < 0:
        return tonic, mode if mode in {"major", "lydian", "mixolydian"} else "major"
    return tonic, mode


def _beats(text: str) -> int:
    if re.search(r"waltz|\b3/4|\b6/8|\b3 4 time", text):
        return 3
    return 5 if re.search(r"\b5/4", text) else 4


def _seconds(text: str) -> float | None:
    clock = re.search(r"\b(\d):([0-5]\d)\b", text)
    if clock:
        return min(MAX_SECONDS, max(5.0, int(clock[1]) * 60.0 + int(clock[2])))
    found = re.search(r"(\d+(?:\.\d+)?|\bone|\btwo|\bhalf a)[ -]*(seconds?|secs?|s|minutes?|mins?)\b", text)
    if not found:
        return None
    number = {"one": 1.0, "two": 2.0, "half a": 0.5}.get(found[1]) or float(found[1])
    return min(MAX_SECONDS, max(5.0, number * (60 if found[2].startswith("m") else 1)))


def _cast(text: str, refused: str, usual: Ensemble, *, plain: bool, energy: float) -> Ensemble:
    """The style's players, with the named ones in their places; without a style, only the named ones."""
    named = {part: timbre for words, part, timbre in _PLAYERS if re.search(words, text)}
    melodic = {part: timbre for part, timbre in named.items() if part != "drums"}
    cast = usual
    if re.search(r"\bsolo\b|unaccompanied|\bonly\b", text) and melodic:
        timbre = next(iter(melodic.values()))
        cast = Ensemble(
            lead=timbre, chords=timbre if timbre in {"piano", "epiano", "organ", "guitar", "harp"} else None
        )
        named = {}
    elif plain and melodic:
        voice = named.get("lead") or named.get("arp") or named.get("chords") or "piano"
        drums = "light" if energy > 0.55 else None
        cast = Ensemble(lead=voice, bass="finger" if energy > 0.3 else None, drums=drums)
        if not {"chords", "pad", "arp"} & named.keys():
            cast = replace(cast, chords="piano")
    if usual.chords == "power" or named.get("chords") == "power":
        named.pop("arp", None)  # a rock guitar is the distorted one
    if "drums" in named and usual.drums and usual.drums not in {"light", "sparse"}:
        named["drums"] = usual.drums  # "drums" in a style means the style's drums
    cast = replace(cast, **named)
    parts = {part for words, part, _ in _PLAYERS if re.search(words, refused)}
    parts |= {"lead"} if re.search(r"melod|lead", refused) else set()
    return replace(cast, **dict.fromkeys(parts))
