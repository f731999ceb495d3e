"""Another site's page, opened by somebody whom the app knows: nothing that it sends is done or answered."""

import httpx
import pytest
from gradio_client import Client

from grpo_space.runs.run import all_runs
from tests.support.hostile import EVIL, HOST, call, cookie_header, handler_of, handlers, join
from tests.support.processes import wait_for
from tests.support.served import Served
from tests.support.sign_in import signed_in

OWNER = cookie_header(signed_in("ada"))
OWN = {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
OTHERS: list[dict[str, str]] = [
    EVIL,
    {"Origin": "null"},
    {"Origin": f"http://{HOST}:8080"},
    {"Origin": f"https://{HOST}.evil.example"},
    {"Origin": f"https://evil.example/{HOST}"},
    {"Origin": "https://eve-grpo.hf.space", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "chrome-extension://abc"},
    {"Origin": "http://["},
]
FILE = {"files": ("x.jsonl", b"{}")}


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_every_handler_refuses_another_sites_page(space: Served, other: dict[str, str]) -> None:
    before = all_runs()
    for each in handlers(space.url):
        answer = join(space.url, each["id"], [None] * len(each["inputs"]), headers=OWNER | other)
        assert answer.status_code == 403, each
        assert "Another site" in answer.text
    assert all_runs() == before


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_every_way_to_call_or_to_read_a_secret_is_refused(space: Served, other: dict[str, str]) -> None:
    api = f"{space.url}/gradio_api"
    with httpx.Client(headers=OWNER | other, timeout=60) as http:
        answers = [
            http.post(f"{api}/call/start", json={"data": ["tiny"]}),
            http.post(f"{api}/call/v2/start", json={"preset": "tiny"}),
            http.post(f"{api}/run/start", json={"data": ["tiny"]}),
            http.post(f"{api}/api/start", json={"data": ["tiny"]}),
            http.post(f"{api}/upload", files=FILE),
            http.post(f"{api}/cancel", json={"session_hash": "a", "event_id": "b", "fn_index": 0}),
            http.post(f"{api}/mcp/", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
            http.get(f"{api}/queue/data?session_hash=a"),
            http.get(f"{api}/heartbeat/a"),
            http.get(f"{api}/info"),
            http.get(f"{space.url}/config"),
            http.get(f"{space.url}/logout"),
            http.post(f"{space.url}/login", data={"username": "owner", "password": "x"}),
        ]
    assert {answer.status_code for answer in answers} == {403}
    assert len(all_runs()) == 1


def test_cors_never_lets_another_site_in(space: Served, alone: Served, locked: Served) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    reads = [("GET", path) for path in ("/", "/config", "/theme.css", "/gradio_api/token")]
    for app in (space, alone, locked):
        for method, path in (("OPTIONS", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload"), *reads):
            answer = httpx.request(method, f"{app.url}{path}", headers=OWNER | EVIL | asks, timeout=60)
            assert not [name for name in answer.headers if name.startswith("access-control")], (method, path)


@pytest.mark.parametrize("own", [{}, OWN, {"Sec-Fetch-Site": "none"}, {"Origin": f"https://{HOST}:443"}], ids=str)
def test_the_owner_on_the_apps_own_page_and_in_a_program_may(space: Served, own: dict[str, str]) -> None:
    sent = httpx.post(f"{space.url}/gradio_api/upload", files=FILE, headers=OWNER | own, timeout=60)
    assert sent.status_code == 200
    told = call(space.url, handler_of(space.url, "gs-stop-yes"), [None], OWNER | own)
    assert "there is none of that name here" in told, "it got past the door, to the run that it does not name"


def pressed(app: Served, headers: dict[str, str]) -> int:
    """What a press of Resume is answered."""
    return join(app.url, handler_of(app.url, "gs-resume"), [None], headers=headers).status_code


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_on_this_machine_its_own_names_alone_count(alone: Served, host: str) -> None:
    name = f"{host}:{alone.port}"
    for others in ("https://evil.example", f"http://{host}:{alone.port + 1}", f"http://{host}", "null"):
        assert pressed(alone, {"Host": name, "Origin": others}) == 403
    assert pressed(alone, {"Host": name, "Origin": f"http://{name}"}) == 200
    assert pressed(alone, {"Host": name}) == 200


def test_who_cancels_the_sign_in_is_back_on_the_page(space: Served) -> None:
    answer = httpx.get(f"{space.url}/login/callback?error=access_denied&state=x", timeout=60)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def until_said(app: Served, heard: int, words: str) -> None:
    """Waits until it says so after what was heard before."""
    wait_for(lambda: words in "".join(app.said[heard:]))


@pytest.mark.parametrize("name", ["http://[", "https://[ada-grpo.hf.space", "http://[::1", "h://[[["])
def test_an_address_that_cannot_be_read_is_another_sites_and_fills_no_log(space: Served, name: str) -> None:
    heard = len(space.said)
    answer = httpx.post(f"{space.url}/gradio_api/reset", headers={"Origin": name}, timeout=60)
    assert answer.status_code == 403
    assert "Another site" in answer.text
    assert httpx.get(f"{space.url}/login/callback?error=%1b[2Jgone", timeout=60).status_code == 500
    until_said(space, heard, "OAuthError")
    said = "".join(space.said[heard:])
    assert "Traceback" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info"])
def test_on_this_machine_a_name_that_was_made_to_lead_here_is_refused(alone: Served, path: str) -> None:
    named = {"Host": f"evil.example:{alone.port}"}
    answer = httpx.get(f"{alone.url}{path}", headers=named, timeout=60)
    assert answer.status_code == 403
    assert "GRPO_SPACE_PASSWORD" in answer.text


def test_with_a_password_the_name_that_was_called_counts(locked: Served) -> None:
    """The cookie is the owner's; the page is another site's."""
    with httpx.Client(base_url=locked.url, timeout=60) as http:
        signed = http.post("/login", data={"username": "owner", "password": "correct horse"})
        assert signed.status_code == 200
        jar = {"cookie": "; ".join(f"{name}={value}" for name, value in signed.cookies.items())}
        for host in ("my.lan:7860", "127.0.0.1:1"):
            own = {**jar, "Host": host, "Origin": f"http://{host}"}
            assert http.post("/gradio_api/upload", files=FILE, headers=own).status_code == 200
            assert http.post("/gradio_api/upload", files=FILE, headers={**own, **EVIL}).status_code == 403
            assert http.post("/gradio_api/upload", files=FILE, headers={**jar, "Host": host}).status_code == 200


def test_no_other_site_shows_the_page_within_its_own(alone: Served, locked: Served) -> None:
    """Else it lays it, unseen, under something that its visitor presses. The Hub does show a Space in its own page."""
    for app in (alone, locked):
        assert httpx.get(app.url, timeout=60).headers["content-security-policy"] == "frame-ancestors 'self'"


def test_programs_say_nothing_of_a_page_and_work(space: Served, alone: Served) -> None:
    for app in (space, alone):
        assert Client(app.url, verbose=False).predict(api_name="/status")["status"] == "done"
