"""Takes of other assets, handed to a model by URLs that are made when it is asked."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.cos_store import CosStore
from mpsjobs.cloud.references import VALID_S, References
from mpsjobs.model.asset import Reference, ReferenceKind, Sound, StoreTarget
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.state import Output
from tests.plan.states import take
from tests.s3 import S3Server, s3_store

OWN = StoreTarget("aurora-1250000000", "ap-guangzhou", "audio")
ELSEWHERE = "themes-1250000000"
FILES = {"a-film.mp4": b"a film", "b-song.mp3": b"a song", "c-song.mp3": b"a second song"}
THEME = (Reference(ReferenceKind.ASSET, "theme"),)


@pytest.fixture
def store(s3_server: S3Server) -> CosStore:
    s3_server.empty(OWN.bucket, ELSEWHERE)
    store = s3_store(s3_server.url)
    for name, content in FILES.items():
        ref = ObjectRef(ELSEWHERE, "ap-shanghai", f"takes/1/{name}")
        store.put(ref, content, content_type="audio/mpeg", metadata={})
    return store


def references(store: CosStore) -> References:
    """The take of the theme lies in another bucket and another region than what is made from it."""
    outputs = tuple(
        Output(ELSEWHERE, "ap-shanghai", f"takes/1/{name}", "e", len(content), "00", name.rpartition(".")[2])
        for name, content in FILES.items()
    )
    return References(Path(), store, OWN, {"theme": take(outputs=outputs)})


def test_the_url_leads_to_the_first_audio_or_the_first_video_where_the_take_itself_lies(
    store: CosStore,
) -> None:
    sound = references(store).reachable(Sound("M", reference_audio=THEME, reference_video=THEME))
    for (reference,), content in ((sound.reference_audio, b"a song"), (sound.reference_video, b"a film")):
        assert reference.kind is ReferenceKind.URL
        query = parse_qs(urlsplit(reference.value).query)
        assert query["X-Amz-Expires"] == [str(int(VALID_S))]
        assert "/ap-shanghai/s3/" in query["X-Amz-Credential"][0]
        with urlopen(reference.value, timeout=10) as answer:
            assert answer.read() == content


@pytest.mark.parametrize(("content", "words"), [(None, "is gone"), (b"tampered with", "is another file now")])
def test_what_is_not_there_as_recorded_is_handed_to_nobody(
    store: CosStore, content: bytes | None, words: str
) -> None:
    ref = ObjectRef(ELSEWHERE, "ap-shanghai", "takes/1/b-song.mp3")
    if content is None:
        store.delete(ref)
    else:
        store.put(ref, content, content_type="audio/mpeg", metadata={})
    with pytest.raises(CloudError) as caught:
        references(store).reachable(Sound("M", reference_audio=THEME))
    (told,) = caught.value.diagnostics
    assert told.summary == "Take 1 of theme is not in the store as it was recorded."
    assert words in told.detail
    assert "mpsjobs apply --replace theme" in told.hint


def test_credentials_that_end_before_the_task_may_end_are_refused_in_words(
    store: CosStore, s3_server: S3Server
) -> None:
    ends = SystemClock().utc() + timedelta(minutes=30)
    with pytest.raises(CloudError) as caught:
        references(s3_store(s3_server.url, expires_at=ends)).reachable(Sound("M", reference_audio=THEME))
    assert "No URL can live as long as the task may take" in str(caught.value)
