"""Who is let in: nobody without the token, no other site, and nobody to a file that the page does not show."""

import http.client
import json
import re
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from mpsjobs.review.web import Server, span_of
from tests.review.conftest import HOSTILE


def asked(
    server: Server, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """The answer to a request that is written as it stands: no client mends its path. `_` in the names of headers stands for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def home(server: Server) -> str:
    return urlsplit(server.url).path


def document(server: Server) -> dict[str, object]:
    status, body, _ = asked(server, f"{home(server)}data.js")
    assert status == 200
    found: dict[str, object] = json.loads(body.removeprefix(b"const REVIEW = ").removesuffix(b";\n"))
    return found


def test_without_the_whole_token_there_is_nothing_but_a_refusal(served: Server) -> None:
    name = next(iter(audio_of(served)))
    for token in ("", "x", served.token[:-1], f"{served.token}x", served.token.swapcase()):
        for rest in ("", "/", "/index.html", "/data.js", f"/{name}", "/../"):
            status, body, _ = asked(served, f"/{token}{rest}")
            assert status == 403, (token, rest)
            assert b"lacks its token" in body
    assert asked(served, home(served))[0] == 200


def test_another_name_that_leads_to_this_address_is_refused(served: Server) -> None:
    for host in ("evil.example", f"evil.example:{served.server_port}", "127.0.0.1", f"0.0.0.0:{served.server_port}", ""):  # fmt: skip
        assert asked(served, home(served), Host=host)[0] == 403, host
    for host in ("127.0.0.1", "localhost"):
        assert asked(served, home(served), Host=f"{host}:{served.server_port}")[0] == 200


def test_it_listens_on_loopback_alone(served: Server) -> None:
    assert served.socket.getsockname()[0] == "127.0.0.1"


def test_every_answer_forbids_what_the_page_does_not_need(served: Server) -> None:
    for path in (
        home(served),
        f"{home(served)}page.css",
        f"{home(served)}data.js",
        f"{home(served)}nothing",
        "/",
    ):
        _, _, headers = asked(served, path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers or "Python" not in headers["server"]


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "DELETE", "TRACE", "<b>"])
def test_another_way_of_asking_is_refused_with_the_same_guards(served: Server, method: str) -> None:
    status, body, headers = asked(served, home(served), method)
    assert (status, body) == (501, b"Nothing is served that way.\n")
    assert headers["content-type"].startswith("text/plain")
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "name",
    [
        *("../mpsjobs.yaml", "..%2fmpsjobs.yaml", "%2e%2e/%2e%2e/etc/passwd", "audio/../data.js", "audio/%2e%2e/mpsjobs.state.json"),
        *("audio//etc/passwd", "audio/" + "0" * 64 + ".mp3", "audio/", "page/app.js", "mpsjobs.yaml", "app.js%00.css", "__init__.py"),
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file_that_the_page_does_not_show(served: Server, name: str) -> None:
    document(served)
    status, body, _ = asked(served, f"{home(served)}{name}")
    assert (status, body) == (404, b"There is nothing here.\n") or (
        status == 404 and b"no such audio" in body
    )


def audio_of(server: Server) -> dict[str, int]:
    """Every file that the document names, with its size."""
    text = json.dumps(document(server))
    return {
        found[1]: int(found[2])
        for found in re.finditer(r'"audio": "(audio/[0-9a-f]{64}\.\w+)".*?"size": (\d+)', text)
    }


def test_audio_comes_whole_and_in_parts_with_its_type(served: Server) -> None:
    sounds = audio_of(served)
    types = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg"}
    assert {name.rpartition(".")[2] for name in sounds} == types.keys()
    for name, size in sounds.items():
        status, whole, headers = asked(served, f"{home(served)}{name}")
        assert (status, len(whole), headers["accept-ranges"]) == (200, size, "bytes")
        assert headers["content-type"] == types[name.rpartition(".")[2]]
        status, part, headers = asked(served, f"{home(served)}{name}", Range="bytes=100-199")
        assert (status, part) == (206, whole[100:200])
        assert headers["content-range"] == f"bytes 100-199/{size}"
        assert asked(served, f"{home(served)}{name}", Range=f"bytes={size}-")[0] == 416
        status, content, headers = asked(served, f"{home(served)}{name}", Range="bytes=0-1,4-5")
        assert (status, content, "content-range" in headers) == (200, whole, False)
        assert asked(served, f"{home(served)}{name}", "HEAD")[1] == b""


@pytest.mark.parametrize(
    ("header", "span"),
    [
        *[("bytes=0-", range(10)), ("bytes=0-9", range(10)), ("bytes=2-4", range(2, 5)), ("bytes=-3", range(7, 10)), ("bytes=4-99", range(4, 10))],
        *[("bytes=10-", range(0)), ("bytes=99-100", range(0)), ("bytes=-0", range(0))],
        *[(None, None), ("bytes=9-2", None), ("bytes=-", None), ("bytes=1-2,4-5", None), ("bytes=abc", None), ("items=0-4", None), ("bytes=\u0661-\u0662", None)],
    ],
)  # fmt: skip
def test_a_range_is_read_as_http_says(header: str | None, span: range | None) -> None:
    assert span_of(header, 10) == span


def test_hostile_words_reach_the_page_as_data(served: Server) -> None:
    assert HOSTILE in json.dumps(document(served), ensure_ascii=False).replace('\\"', '"')


def test_only_the_page_itself_may_decide(served: Server) -> None:
    origin = served.origins[0]
    good = {"Content_Type": "application/json", "Origin": origin}
    boss = next(each for each in cast("Any", document(served)["assets"]) if each["address"] == "boss")
    said = {"address": "boss", "fingerprint": boss["new"]["fingerprint"], "pick": 2}

    def post(body: Any, **headers: str) -> tuple[int, bytes]:
        return asked(served, f"{home(served)}decisions", "POST", json.dumps(body).encode(), **headers)[:2]

    for origins in (
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": f"{origin}.evil.example"},
    ):
        assert post([said], Content_Type="application/json", **origins)[0] == 403, origins
    assert post([said], Host="evil.example", **good)[0] == 403
    assert asked(served, "/x/decisions", "POST", b"[]", **good)[0] == 403
    assert post([said], Content_Type="text/plain", Origin=origin)[0] == 415
    bodies: list[Any] = [
        [],
        {},
        "x",
        [{"address": "boss"}],
        [said | {"path": "../x"}],
        [said | {"pick": "2"}],
        [said | {"pick": -1}],
    ]
    for body in bodies:
        assert post(body, **good)[0] == 400, body
    assert asked(served, f"{home(served)}decisions", "POST", None, Content_Length="2000000", **good)[0] == 413
    for wrong in ({"address": "../x"}, {"pick": 9}, {"sha256": "0" * 64}, {"fingerprint": "f1:0000"}):
        status, answer = post([said | wrong], **good)
        assert (status, bool(json.loads(answer)["problems"])) == (409, True), wrong
    assert not served.listening.diff
    status, answer = post([said], **good)
    assert (status, "pick: 2" in json.loads(answer)["diff"]) == (200, True)
    paid = json.loads(answer)["summary"]["generations"]
    first = {"take": 1, "sha256": boss["new"]["takes"][0]["sha256"]}
    status, answer = post([said | {"rejected": [first]}], **good)  # one of two: another one is to be bought
    assert (status, json.loads(answer)["summary"]["generations"]) == (200, paid + 1)


def test_a_file_that_was_changed_since_is_not_played(served: Server) -> None:
    name = next(iter(audio_of(served)))
    file = served.listening.audio(name.removeprefix("audio/"))
    assert file is not None
    file.write_bytes(b"something else")
    assert asked(served, f"{home(served)}{name}")[0] == 404


def test_mistakes_in_the_specs_are_told_by_the_page(served: Server) -> None:
    (served.listening.project.root / "specs" / "music.yaml").write_text("assets:\n  a: {pormpt: x}\n")
    assert "pormpt" in json.dumps(document(served)["problems"])
