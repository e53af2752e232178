"""Credentials: what they are, and where they are found."""

import base64
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mpsjobs.cloud.credentials import Credentials, Nothing, Source, from_environment
from mpsjobs.cloud.credentials_chain import Places, find_source
from mpsjobs.cloud.credentials_cvm import from_cvm_role
from mpsjobs.cloud.credentials_profile import from_named_profile, from_profile
from mpsjobs.cloud.sts import Sts
from mpsjobs.model.diagnostics import CloudError, Diagnostic
from mpsjobs.model.settings import AssumeRole, CredentialsSettings, WebIdentity
from tests.cloud.lenders import ROLE, START, Asked, MovedClock, Reply, keys, lender, machine, refused, sts_at

ID, KEY, TOKEN = "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN"
NOWHERE = "http://127.0.0.1:9"
LATER = START + timedelta(hours=2)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Nothing is anywhere."""
    return Places({}, tmp_path / "home", tmp_path, NOWHERE)


def sts(url: str = NOWHERE) -> Sts:
    return sts_at(url, MovedClock())


def found(looked: Source | Nothing) -> Source:
    assert isinstance(looked, Source)
    return looked


def told(refusal: pytest.ExceptionInfo[CloudError]) -> Diagnostic:
    (diagnostic,) = refusal.value.diagnostics
    return diagnostic


def text(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.summary} {diagnostic.detail} {diagnostic.hint} {diagnostic.position}"


def profile(home: Path, content: str | bytes) -> Path:
    file = home / ".tencentcloud" / "credentials"
    file.parent.mkdir(parents=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


# --- the keys themselves -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "with space", "line\nbreak", "schlüssel"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(CloudError) as caught:
        Credentials("i", value)
    assert not value or value not in repr(caught.value.diagnostics)


def test_they_never_show_themselves() -> None:
    credentials = Credentials("the-id", "the-key", "the-token")
    for shown in (repr(credentials), str(credentials), f"{credentials}"):
        assert "the-" not in shown
    assert "the-" not in repr(from_environment({ID: "the-id", KEY: "the-key", TOKEN: "the-token"}))


# --- the environment -----------------------------------------------------------------------------------------------------------------


def test_they_come_from_the_environment() -> None:
    source = found(from_environment({ID: "i", KEY: " k\n"}))
    assert (source.words, source.fetch()) == ("environment variables", Credentials("i", "k"))
    assert found(from_environment({ID: "i", KEY: "k", TOKEN: "t"})).fetch() == Credentials("i", "k", "t")
    assert found(from_environment({ID: "i", KEY: "k", TOKEN: ""})).fetch().token is None


def test_the_token_variable_of_the_vendors_terraform_provider_is_known() -> None:
    variables = {ID: "i", KEY: "k", "TENCENTCLOUD_SECURITY_TOKEN": "terraform"}
    assert found(from_environment(variables)).fetch().token == "terraform"
    assert found(from_environment({**variables, TOKEN: "t"})).fetch().token == "t"


@pytest.mark.parametrize(("there", "missing"), [(ID, KEY), (KEY, ID)])
def test_half_an_environment_is_a_mistake_and_not_passed_over(
    there: str, missing: str, places: Places
) -> None:
    profile(places.home, "[default]\nsecret_id=i\nsecret_key=k\n")
    with pytest.raises(CloudError, match="incomplete") as caught:
        find_source(CredentialsSettings(), replace(places, environment={there: "the-secret"}), sts())
    assert f"{there} is set, and {missing} is not" in told(caught).detail
    assert "the-secret" not in text(told(caught))


# --- the profile file ----------------------------------------------------------------------------------------------------------------


def test_profiles_are_read_by_their_names(tmp_path: Path) -> None:
    profile(
        tmp_path, '[default]\nsecret_id = d\nsecret_key = "k%k"\n[ci]\nsecret_id=c\nsecret_key=k\ntoken=t\n'
    )
    default = found(from_profile(tmp_path))
    assert (default.words, default.fetch()) == (
        "profile default of ~/.tencentcloud/credentials",
        Credentials("d", "k%k"),
    )
    ci = from_named_profile(tmp_path, "ci")
    assert (ci.words, ci.fetch()) == (
        "profile ci of ~/.tencentcloud/credentials",
        Credentials("c", "k", "t"),
    )


def test_the_file_for_all_users_counts_where_a_user_has_none(tmp_path: Path) -> None:
    for_all = tmp_path / "etc"
    for_all.write_text("[default]\nsecret_id=all\nsecret_key=k\n")
    source = found(from_profile(tmp_path / "home", for_all=for_all))
    assert (source.words, source.fetch().secret_id) == (f"profile default of {for_all}", "all")


def test_a_profile_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="There is no profile ci") as caught:
        from_named_profile(tmp_path, "ci", for_all=tmp_path / "etc")
    assert "neither ~/.tencentcloud/credentials nor" in told(caught).detail
    profile(tmp_path, "[default]\nsecret_id=i\nsecret_key=k\n[cd]\n")
    with pytest.raises(CloudError, match="There is no profile ci") as caught:
        from_named_profile(tmp_path, "ci")
    assert "sections: default, cd" in told(caught).detail


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("secret_id=the-secret\n[default]\n", 1, "before the first [section]"),
        ("[default]\nsecret_id=i\nthe-secret\n", 3, "neither `name = value`"),
        ("[default]\n[default]\nsecret_key=the-secret\n", 2, "there twice"),
        ("[default]\nsecret_key=a\nsecret_key=the-secret\n", 3, "`secret_key` is there twice in [default]"),
        ("\n\n[default]\nsecret_key=the-secret\n", 3, "Section [default] has no secret_id"),
        ("[default]\nsecret_id=\nsecret_key=the-secret\n", 1, "Section [default] has no secret_id"),
        ("# none\n[default]\n", 2, "has no secret_id and no secret_key"),
    ],
)
def test_a_mistake_in_the_profile_file_is_shown_where_it_stands(
    tmp_path: Path, content: str, line: int, said: str
) -> None:
    profile(tmp_path, content)
    with pytest.raises(CloudError) as caught:
        from_profile(tmp_path)
    assert str(told(caught).position) == f"~/.tencentcloud/credentials:{line}:1"
    assert said in told(caught).detail
    assert "the-secret" not in text(told(caught))
    assert caught.value.__cause__ is None


def test_a_profile_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = profile(tmp_path, b"[default]\nsecret_id=\xff\n")
    with pytest.raises(CloudError, match="cannot be read") as caught:
        from_profile(tmp_path)
    assert "not UTF-8" in told(caught).detail
    file.unlink()
    file.mkdir()
    with pytest.raises(CloudError, match="cannot be read") as caught:
        from_profile(tmp_path)
    assert "Is a directory" in told(caught).detail


# --- the role of a machine -----------------------------------------------------------------------------------------------------------


def test_a_machine_lends_the_keys_of_its_role() -> None:
    with lender(machine("mpsjobs", LATER)) as server:
        source = found(from_cvm_role(server.url))
        assert source.words == "role mpsjobs on CVM"
        assert source.fetch() == Credentials("id-cvm", "key-cvm", "token-cvm", LATER)


def test_a_machine_without_a_role_is_told_from_no_machine() -> None:
    with lender(lambda _: (404, "no")) as server:
        assert from_cvm_role(server.url) == Nothing("CVM role", "no role is bound to this machine")
    nothing = from_cvm_role(NOWHERE)
    assert isinstance(nothing, Nothing)
    assert "this is no CVM: connection refused" in nothing.why


def test_a_network_that_answers_everything_is_no_machine() -> None:
    with lender(lambda _: (200, "<html>Please log in")) as server:
        assert "no role" in str(from_cvm_role(server.url))


def test_a_metadata_service_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpsjobs.cloud.credentials_cvm._WITHIN_S", 0.2)
    released: list[bool] = []

    def slow(_: Asked) -> Reply:
        while not released:
            os.sched_yield()
        return 200, "late"

    with lender(slow) as server:
        nothing = from_cvm_role(server.url)
        released.append(True)
    assert isinstance(nothing, Nothing)
    assert "no answer" in nothing.why


def test_the_metadata_service_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", NOWHERE)
    with lender(machine("mpsjobs", LATER)) as server:
        assert found(from_cvm_role(server.url)).fetch().secret_id == "id-cvm"


@pytest.mark.parametrize("answer", ['{"Code": "Success", "TmpSecretKey": "the-secret"}', "the-secret", "[]"])
def test_keys_that_a_machine_fails_to_give_are_an_error_in_words(answer: str) -> None:
    def reply(asked: Asked) -> Reply:
        return 200, "mpsjobs" if asked.path.endswith("/") else answer

    with (
        lender(reply) as server,
        pytest.raises(CloudError, match="gives no keys of the role mpsjobs") as caught,
    ):
        found(from_cvm_role(server.url)).fetch()
    assert "the-secret" not in text(told(caught))
    with lender(machine("mpsjobs", LATER, code="Failed")) as server, pytest.raises(CloudError) as caught:
        found(from_cvm_role(server.url)).fetch()
    assert "Failed" in told(caught).detail


# --- the order -----------------------------------------------------------------------------------------------------------------------


def test_the_environment_comes_first_then_the_profile_then_the_pod_then_the_machine(
    places: Places, tmp_path: Path
) -> None:
    token = tmp_path / "pod-token"
    token.write_text("a.b.c\n")
    pod = {
        "TKE_REGION": "ap-nanjing",
        "TKE_PROVIDER_ID": "cls-1",
        "TKE_WEB_IDENTITY_TOKEN_FILE": str(token),
        "TKE_ROLE_ARN": ROLE,
    }
    with lender(machine("mpsjobs", LATER)) as metadata, lender(lambda _: keys(1, LATER)) as lent:
        here = replace(places, environment={ID: "i", KEY: "k", **pod}, metadata=metadata.url)
        file = profile(places.home, "[default]\nsecret_id=p\nsecret_key=k\n")

        def words() -> str:
            return find_source(CredentialsSettings(), here, sts(lent.url)).words

        assert words() == "environment variables"
        here = replace(here, environment=pod)
        assert words() == "profile default of ~/.tencentcloud/credentials"
        file.unlink()
        assert words() == f"role {ROLE} of this TKE pod"
        assert not metadata.asked
        assert find_source(CredentialsSettings(), here, sts(lent.url)).fetch() == Credentials(
            "id-1", "key-1", "token-1", LATER
        )
        (asked,) = lent.asked
        assert asked.headers["x-tc-region"] == "ap-nanjing"
        assert (asked.json()["ProviderId"], asked.json()["WebIdentityToken"]) == ("cls-1", "a.b.c")
        here = replace(here, environment={})
        assert words() == "role mpsjobs on CVM"


def test_where_nothing_is_found_every_place_is_named_with_the_reason(places: Places) -> None:
    with pytest.raises(CloudError, match="There are no credentials") as caught:
        find_source(CredentialsSettings(), places, sts())
    detail = told(caught).detail
    for said in (
        f"environment variables ({ID} and {KEY} are not set)",
        "profile default (there is neither ~/.tencentcloud/credentials nor /etc/tencentcloud/credentials)",
        "TKE (this is no pod with a role: TKE_ROLE_ARN is not set)",
        "CVM role (the metadata service does not answer, so this is no CVM: connection refused)",
    ):
        assert said in detail
    assert "web_identity" in told(caught).hint


def test_half_the_identity_of_a_pod_is_a_mistake(places: Places) -> None:
    with pytest.raises(CloudError, match="incomplete") as caught:
        find_source(CredentialsSettings(), replace(places, environment={"TKE_ROLE_ARN": ROLE}), sts())
    assert "TKE_WEB_IDENTITY_TOKEN_FILE is not" in told(caught).detail


# --- a role taken on with other keys -------------------------------------------------------------------------------------------------


def test_a_role_is_taken_on_with_what_was_found_even_if_that_is_temporary(places: Places) -> None:
    settings = CredentialsSettings(assume_role=AssumeRole(ROLE, "nightly", 1800))
    here = replace(places, environment={ID: "i", KEY: "k", TOKEN: "t"})
    with lender(lambda _: keys(1, LATER)) as lent:
        source = find_source(settings, here, sts(lent.url))
        assert source.words == f"role {ROLE}, taken on with environment variables"
        assert source.fetch() == Credentials("id-1", "key-1", "token-1", LATER)
    (asked,) = lent.asked
    assert asked.action == "AssumeRole"
    assert asked.json() == {"RoleArn": ROLE, "RoleSessionName": "nightly", "DurationSeconds": 1800}
    assert asked.headers["x-tc-token"] == "t"
    assert asked.headers["authorization"].startswith(
        "TC3-HMAC-SHA256 Credential=i/2026-11-22/sts/tc3_request"
    )


def test_a_profile_can_be_what_a_role_is_taken_on_with(places: Places) -> None:
    profile(places.home, "[ci]\nsecret_id=c\nsecret_key=k\n")
    settings = CredentialsSettings(profile="ci", assume_role=AssumeRole(ROLE))
    here = replace(places, environment={ID: "not-asked", KEY: "k"})
    with lender(lambda _: keys(1, LATER)) as lent:
        source = find_source(settings, here, sts(lent.url))
        source.fetch()
    assert source.words == f"role {ROLE}, taken on with profile ci of ~/.tencentcloud/credentials"
    assert "Credential=c/" in lent.asked[0].headers["authorization"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("UnauthorizedOperation", "trust this identity"),
        ("ResourceNotFound.RoleNotFound", "role_arn"),
        ("AuthFailure.SignatureFailure", "belong together"),
        ("AuthFailure.SignatureExpire", "clock"),
        ("AuthFailure.TokenFailure", "have ended"),
        ("InvalidParameter.OverTimeError", "duration"),
        ("SomethingNew", "role_arn"),
    ],
)
def test_what_sts_refuses_is_told_with_code_request_and_remedy(code: str, hint: str, places: Places) -> None:
    settings = CredentialsSettings(assume_role=AssumeRole(ROLE))
    here = replace(places, environment={ID: "i", KEY: "the-secret-key", TOKEN: "the-token"})
    with lender(lambda _: refused(code, "Bad: the-token of the-secret-key.")) as lent:
        source = find_source(settings, here, sts(lent.url))
        with pytest.raises(CloudError, match="STS gives no keys for the role") as caught:
            source.fetch()
    diagnostic = told(caught)
    assert f"AssumeRole: {code}: Bad: (hidden) of (hidden). (RequestId request-no)" in diagnostic.detail
    assert hint in diagnostic.hint
    assert "the-" not in diagnostic.detail.replace("the role", "")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((502, "the-secret"), "HTTP status 502"),
        ((200, "the-secret"), "not one of the API"),
        ((200, {"Response": {"Credentials": {"Token": "the-secret"}}}), "does not hold keys"),
        ((200, {"Response": {"Credentials": "the-secret", "ExpiredTime": 1}}), "does not hold keys"),
    ],
)
def test_an_answer_that_is_none_of_sts_is_told_without_showing_it(
    reply: Reply, said: str, places: Places
) -> None:
    settings = CredentialsSettings(assume_role=AssumeRole(ROLE))
    with lender(lambda _: reply) as lent:
        source = find_source(settings, replace(places, environment={ID: "i", KEY: "k"}), sts(lent.url))
        with pytest.raises(CloudError, match="could not be asked") as caught:
            source.fetch()
    assert said in told(caught).detail
    assert "the-secret" not in text(told(caught))


def test_what_may_pass_is_tried_again_and_then_told(places: Places) -> None:
    settings = CredentialsSettings(assume_role=AssumeRole(ROLE))
    here = replace(places, environment={ID: "i", KEY: "k"})
    replies = [refused("InternalError.DbError"), (503, "busy"), keys(1, LATER)]
    with lender(lambda _: replies.pop(0)) as lent:
        assert find_source(settings, here, sts(lent.url)).fetch().secret_id == "id-1"
    assert len(lent.asked) == 3
    with pytest.raises(CloudError) as caught:
        find_source(settings, here, sts()).fetch()
    assert "connection refused" in told(caught).detail.lower()
    assert "network" in told(caught).hint


# --- a role by the word of others ----------------------------------------------------------------------------------------------------


def jwt(**claims: object) -> str:
    return f"head.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sign"


IDENTITY = WebIdentity("github", ROLE, audience="tencent cloud", session_name="ci", duration_s=3600)


def github(reply: Callable[[], Reply]) -> Callable[[Asked], Reply]:
    return lambda asked: reply() if asked.headers["authorization"] == "bearer the-bearer" else (401, "no")


def test_a_token_is_asked_of_github_anew_for_each_set_of_keys(places: Places) -> None:
    tokens = iter(["token.of.one", "token.of.two"])
    with (
        lender(github(lambda: (200, {"value": next(tokens)}))) as actions,
        lender(lambda _: keys(1, LATER)) as lent,
    ):
        variables = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{actions.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "the-bearer",
        }
        settings = CredentialsSettings(web_identity=IDENTITY)
        source = find_source(settings, replace(places, environment=variables), sts(lent.url))
        assert source.words == f"role {ROLE} by GitHub's OIDC token"
        source.fetch()
        assert source.fetch() == Credentials("id-1", "key-1", "token-1", LATER)
    assert actions.asked[0].path == "/token?api-version=2.0&audience=tencent%20cloud"
    assert [asked.json()["WebIdentityToken"] for asked in lent.asked] == ["token.of.one", "token.of.two"]
    asked = lent.asked[0]
    assert asked.headers["authorization"] == "SKIP"
    assert asked.json() == {
        "ProviderId": "github",
        "WebIdentityToken": "token.of.one",
        "RoleArn": ROLE,
        "RoleSessionName": "ci",
        "DurationSeconds": 3600,
    }


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((403, "the-secret"), "HTTP status 403"),
        ((302, "the-secret"), "HTTP status 302"),
        ((200, "the-secret"), "no token"),
        ((200, {"value": None}), "no token"),
    ],
)
def test_a_token_that_github_does_not_give_is_told(reply: Reply, said: str, places: Places) -> None:
    with lender(github(lambda: reply)) as actions:
        variables = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": actions.url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "the-bearer",
        }
        source = find_source(
            CredentialsSettings(web_identity=IDENTITY), replace(places, environment=variables), sts()
        )
        with pytest.raises(CloudError, match="no identity token") as caught:
            source.fetch()
    assert said in told(caught).detail
    assert "the-" not in text(told(caught)).replace("the job", "").replace("the role", "")
    assert len(actions.asked) == 1


def test_without_a_token_anywhere_the_permission_is_named(places: Places) -> None:
    source = find_source(CredentialsSettings(web_identity=IDENTITY), places, sts())
    with pytest.raises(CloudError) as caught:
        source.fetch()
    assert "ACTIONS_ID_TOKEN_REQUEST_URL is not set" in told(caught).detail
    assert "id-token: write" in told(caught).hint


def test_a_token_is_read_from_a_variable_or_a_file_of_the_project(places: Places) -> None:
    by_variable = replace(IDENTITY, token_env="TENCENT_TOKEN")
    by_file = replace(IDENTITY, token_file="oidc/token")
    here = replace(places, environment={"TENCENT_TOKEN": "of.a.variable\n"})
    with lender(lambda _: keys(1, LATER)) as lent:

        def role(identity: WebIdentity) -> Source:
            return find_source(CredentialsSettings(web_identity=identity), here, sts(lent.url))

        assert role(by_variable).words == f"role {ROLE} by the token in TENCENT_TOKEN"
        role(by_variable).fetch()
        with pytest.raises(CloudError, match="no identity token") as caught:
            role(by_file).fetch()
        assert "oidc/token: No such file or directory" in told(caught).detail
        (places.root / "oidc").mkdir()
        (places.root / "oidc" / "token").write_text("of.a.file\n")
        assert role(by_file).words == f"role {ROLE} by the token in oidc/token"
        role(by_file).fetch()
        here = places
        with pytest.raises(CloudError, match="no identity token") as caught:
            role(by_variable).fetch()
        assert "TENCENT_TOKEN is not set" in told(caught).detail
    assert [asked.json()["WebIdentityToken"] for asked in lent.asked] == ["of.a.variable", "of.a.file"]


TOKEN_OF_GITLAB = jwt(iss="https://gitlab.com", aud="tencent", sub="project_path:a/b", more="the-secret")


@pytest.mark.parametrize(
    ("token", "said"),
    [(TOKEN_OF_GITLAB, "aud 'tencent', sub 'project_path:a/b'"), ("junk", "no JSON Web Token")],
)
def test_a_refused_token_is_told_with_what_it_claims_and_never_itself(
    token: str, said: str, places: Places
) -> None:
    settings = CredentialsSettings(web_identity=replace(IDENTITY, token_env="T"))
    with lender(lambda _: refused("InvalidParameter.ParamError", f"Bad {token}")) as lent:
        source = find_source(settings, replace(places, environment={"T": token}), sts(lent.url))
        with pytest.raises(CloudError, match="STS gives no keys") as caught:
            source.fetch()
    assert said in told(caught).detail
    assert "request-no" in told(caught).detail
    assert token not in text(told(caught))
    assert "the-secret" not in text(told(caught))
