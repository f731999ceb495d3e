"""Who may do what: asked of the rules, and of a Space's every endpoint."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.run import all_runs, create_run
from grpo_space.ui.access import Access, access_here
from grpo_space.ui.app import check_exposure
from tests.support.fake_worker import whole_run
from tests.support.hostile import call
from tests.support.served import Served
from tests.support.sign_in import SPACE, cookie, request, signed_in

OURS = Access(on_space=True, space_id="ada/grpo")


@pytest.mark.parametrize(
    "session",
    [
        signed_in("ada"),
        signed_in("eve", preferred_username="ada", roleInOrg="write"),
        signed_in("eve", preferred_username="ada", roleInOrg="admin"),
    ],
)
def test_owners_and_writing_members_are_allowed(session: dict[str, Any]) -> None:
    OURS.allowed(request(session))


@pytest.mark.parametrize(
    "session",
    [
        None,
        signed_in("eve"),
        signed_in("Ada"),
        signed_in("ada", expires=-1),
        signed_in("eve", preferred_username="ada", roleInOrg="read"),
        signed_in("eve", preferred_username="ada", roleInOrg="contributor"),
        signed_in("eve", preferred_username="ada"),
        signed_in("eve", preferred_username="other", roleInOrg="admin"),
        signed_in("eve", preferred_username="ada", roleInOrg="write", pendingSSO=True),
        {"userinfo": {"preferred_username": "ada"}},
        {**signed_in("ada"), "expires_at": "later"},
        {**signed_in("ada"), "userinfo": None},
    ],
)
def test_everybody_else_is_told_to_sign_in_as_the_owner(session: dict[str, Any] | None) -> None:
    with pytest.raises(UserError, match=r"owner.*sign in"):
        OURS.allowed(request(session, client=("127.0.0.1", 1)))


def test_a_space_that_does_not_know_its_name_allows_nobody() -> None:
    with pytest.raises(UserError):
        Access(on_space=True).allowed(request(signed_in("")))


HERE = [(b"host", b"127.0.0.1:7860")]


@pytest.mark.parametrize("host", [b"127.0.0.1:7860", b"localhost:7860", b"[::1]:7860"])
def test_this_machine_is_allowed(host: bytes) -> None:
    Access(on_space=False).allowed(request(client=("127.0.0.1", 1), headers=[(b"host", host)]))


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (("192.168.1.7", 1), HERE),
        (None, HERE),
        (("127.0.0.1", 1), []),
        (("127.0.0.1", 1), [(b"host", b"evil.example")]),
        (("127.0.0.1", 1), [(b"host", b"[")]),
        (("127.0.0.1", 1), [*HERE, (b"origin", b"http://[")]),
        (("127.0.0.1", 1), [*HERE, (b"origin", b"https://evil.example")]),
        (("127.0.0.1", 1), [*HERE, (b"x-forwarded-for", b"10.0.0.1")]),
    ],
)
def test_other_machines_pages_and_proxies_are_not(client: object, headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(UserError, match="GRPO_SPACE_PASSWORD"):
        Access(on_space=False).allowed(request(client=client, headers=headers))


@pytest.mark.parametrize(
    ("environment", "gpu", "demo"),
    [
        ({**SPACE, "GRPO_SPACE_PUBLIC_DEMO": "ada/grpo"}, False, True),
        ({**SPACE, "GRPO_SPACE_PUBLIC_DEMO": "ada/grpo"}, True, False),
        ({**SPACE, "GRPO_SPACE_PUBLIC_DEMO": "ada/grpo", "SPACE_ID": "eve/copy"}, False, False),
        ({**SPACE, "GRPO_SPACE_PUBLIC_DEMO": ""}, False, False),
        ({"GRPO_SPACE_PUBLIC_DEMO": "ada/grpo", "SPACE_ID": "ada/grpo"}, False, False),
    ],
)
def test_a_demo_is_one_only_where_it_was_meant(environment: dict[str, str], gpu: bool, demo: bool) -> None:
    assert access_here(environment, gpu).demo is demo


def test_a_demo_lets_everybody_run_tiny_exactly_as_it_is() -> None:
    demo, tiny = Access(on_space=True, space_id="ada/grpo", demo=True), read_preset("tiny").run
    demo.may_train(request(), tiny)
    with pytest.raises(UserError, match="exactly as it is"):
        demo.may_train(request(), tiny.model_copy(update={"seed": 1}))
    with pytest.raises(UserError, match="owner"):
        demo.allowed(request())


@pytest.mark.parametrize("environment", [{"GRADIO_SERVER_NAME": "0.0.0.0"}, {"GRADIO_SHARE": "True"}])
def test_the_app_does_not_listen_to_others_without_a_password(environment: dict[str, str]) -> None:
    with pytest.raises(UserError, match="GRPO_SPACE_PASSWORD"):
        check_exposure(environment, access_here(environment, False))
    with_password = {**environment, "GRPO_SPACE_PASSWORD": "x"}
    check_exposure(with_password, access_here(with_password, False))


# --- a Space, and a stranger ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spaces_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("space") / "runs"


@pytest.fixture(scope="module")
def space(spaces_runs: Path) -> Iterator[Served]:
    served = Served(0, GRPO_SPACE_RUNS=str(spaces_runs), **SPACE)
    yield served
    served.close()


@pytest.fixture
def root(space: Served, spaces_runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(spaces_runs))
    if not all_runs():
        run = create_run(read_preset("tiny").run)
        for event in whole_run(3):
            run.log.append(event)
    return spaces_runs


def files(root: Path) -> dict[str, int]:
    """When each file was written; a run's line of the list, kept beside it by whoever looks at the list, is none."""
    found = (path for path in root.rglob("*") if path.is_file() and path.name != "summary.json")
    return {str(path): path.stat().st_mtime_ns for path in found}


def test_a_stranger_calls_every_endpoint_and_nothing_happens(space: Served, root: Path) -> None:
    """Each handler as a program would call it, named or not, with what its components hold and with nonsense."""
    config = httpx.get(f"{space.url}/config", timeout=60).json()
    before, values = files(root), {each["id"]: each["props"].get("value") for each in config["components"]}
    called = 0
    for handler in config["dependencies"]:
        if not handler["backend_fn"]:
            continue
        for data in ([values.get(i) for i in handler["inputs"]], ["/etc/passwd"] * len(handler["inputs"])):
            answer = call(space.url, handler["id"], data)
            assert "root:" not in answer
            assert "Traceback" not in answer
            assert "Reading rows" not in answer  # a preview's worker
            called += 1
    assert called > 40
    assert files(root) == before
    assert len(all_runs()) == 1


@pytest.mark.parametrize("name", ["/start", "/stop"])
def test_a_stranger_is_refused_in_words(space: Served, root: Path, name: str) -> None:
    client = Client(space.url, verbose=False, httpx_kwargs={"timeout": 60})
    with pytest.raises(AppError, match=r"owner.*sign in"):
        client.predict(api_name=name)


def test_a_stranger_may_read(space: Served, root: Path) -> None:
    client = Client(space.url, verbose=False, httpx_kwargs={"timeout": 60})
    assert client.predict(api_name="/status")["status"] == "done"
    assert client.predict(api_name="/evaluation")["tuned"] == {"correct": 3, "strict_correct": 3, "n": 4}
    with pytest.raises(AppError, match="none of that name"):
        client.predict("../../etc", api_name="/status")


def test_as_mcp_tools_they_are_the_same(space: Served, root: Path) -> None:
    async def ask() -> tuple[set[str], list[tuple[bool, str]]]:
        async with (
            streamable_http_client(f"{space.url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = {tool.name for tool in (await session.list_tools()).tools}
            asked: list[tuple[str, dict[str, Any]]]
            asked = [("grpo_status", {}), ("grpo_start", {}), ("grpo_status", {"run": "../../etc"})]
            answers = [await session.call_tool(name, arguments) for name, arguments in asked]
            return tools, [(answer.isError, str(answer.content)) for answer in answers]

    with ThreadPoolExecutor(1) as apart:  # the browser's tests leave a loop running in this thread
        tools, [status, start, elsewhere] = apart.submit(anyio.run, ask).result()
    gradios_own = {"grpo__check_login_status"}
    assert tools - gradios_own == {
        "grpo_start",
        "grpo_status",
        "grpo_stop",
        "grpo_evaluation",
        "grpo_ask",
    }  # the Space is ada/grpo
    assert not status[0]
    assert "'status': 'done'" in status[1]
    assert start[0]
    assert "owner" in start[1]
    assert elsewhere[0]
    assert "none of that name" in elsewhere[1]


def test_a_stranger_uploads_nothing(space: Served) -> None:
    for path in ("/gradio_api/upload", "/gradio_api/upload/", "/upload", "/gradio_api//upload"):
        answer = httpx.post(f"{space.url}{path}", files={"files": ("x.jsonl", b"{}")}, timeout=60)
        assert answer.status_code in (403, 404, 405), path


def test_the_owner_may_and_an_expired_sign_in_is_none(space: Served, root: Path) -> None:
    send = {"files": ("x.jsonl", b"{}")}
    for session, status in ((signed_in("ada"), 200), (signed_in("ada", expires=-1), 403), (signed_in("eve"), 403)):
        jar = "; ".join(f"{key}={value}" for key, value in cookie(session).items())
        answer = httpx.post(f"{space.url}/gradio_api/upload", files=send, headers={"cookie": jar}, timeout=60)
        assert answer.status_code == status


def test_only_the_named_endpoints_are_public(space: Served) -> None:
    info = httpx.get(f"{space.url}/gradio_api/info", timeout=60).json()
    gradios_own = {"/_check_login_status"}
    assert set(info["named_endpoints"]) - gradios_own == {"/start", "/status", "/stop", "/evaluation", "/ask"}
    assert not info["unnamed_endpoints"]
