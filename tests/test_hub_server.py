"""The real client against our Hub: what the other tests stand on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import requests
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from grpo_space.hub import SPOKEN, api, transient, trouble
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import TOKEN


@pytest.fixture
def owner(hub: HubServer) -> HfApi:
    return api(TOKEN, hub.url)


def test_files_small_and_large_go_up_in_one_commit_and_come_back(owner: HfApi, hub: HubServer) -> None:
    weights, hub.hub.multipart_above = bytes(range(256)) * 5000, 500_000
    owner.create_repo("owner/m", private=True)
    adds = [
        CommitOperationAdd("README.md", b"---\nlicense: mit\n---\n"),
        CommitOperationAdd("model.safetensors", weights),
        CommitOperationAdd("deep/er/image.png", b"\x89PNG"),
    ]
    for add in adds:
        owner.preupload_lfs_files("owner/m", [add], free_memory=False)
    made = owner.create_commit("owner/m", adds, commit_message="all")
    assert hub.hub.counted("PUT", "/upload/.*/[123]") == 3
    assert [commit["message"] for commit in hub.hub.commits("owner/m")] == ["all", "initial commit"]
    for name in ("model.safetensors", "deep/er/image.png", "README.md"):
        came = Path(owner.hf_hub_download("owner/m", name, revision=made.oid)).read_bytes()
        assert came == hub.hub.read("owner/m", name)
    assert hub.hub.read("owner/m", "model.safetensors") == weights
    assert owner.repo_info("owner/m", files_metadata=True).sha == made.oid
    assert hub.hub.leaks == []


def test_what_did_not_change_makes_no_commit_and_what_goes_is_gone(owner: HfApi, hub: HubServer) -> None:
    hub.hub.create("owner/m", by="user")
    for _ in range(2):
        adds = [CommitOperationAdd("a.txt", b"a"), CommitOperationAdd("b/b.bin", b"b\0")]
        owner.create_commit("owner/m", adds, commit_message="same")
    assert len(hub.hub.commits("owner/m")) == 2
    owner.create_commit("owner/m", [CommitOperationDelete("b/", is_folder=True)], commit_message="less")
    assert hub.hub.files("owner/m") == [".gitattributes", "a.txt"]
    assert [entry.path for entry in owner.list_repo_tree("owner/m")] == [".gitattributes", "a.txt"]
    with pytest.raises(RepositoryNotFoundError):
        owner.repo_info("owner/none")


def test_whoever_looks_at_its_folders_finds_whole_repositories(hub: HubServer) -> None:
    """Tests do, while another process creates one: the first commit is there from the first moment on."""
    names = [f"owner/m{number}" for number in range(200)]
    with ThreadPoolExecutor() as pool:
        made = pool.submit(lambda: list(map(hub.hub.create, names)))
        while not made.done():
            for folder in hub.hub.folder("model", "owner").glob("*"):
                assert hub.hub.files(f"owner/{folder.name}") == [".gitattributes"]
        made.result()
    assert len(list(hub.hub.folder("model", "owner").glob("*"))) == 200


def test_who_may_do_what(owner: HfApi, hub: HubServer) -> None:
    users = {"hf_reader": User("owner", "read"), "hf_app": User("owner", "contribute"), "hf_o": User("o", "write")}
    hub.hub.users |= users
    hub.hub.create("owner/old", private=True, by="user")
    hub.hub.create("owner/gated", gated="manual")
    assert owner.whoami()["name"] == "owner"
    assert owner.repo_exists("owner/old")
    reader, app, other = (api(token, hub.url) for token in users)
    for who in (reader, other):
        with pytest.raises(HfHubHTTPError, match="403"):
            who.create_repo("owner/new")
    assert not other.repo_exists("owner/old")
    app.create_repo("owner/new")
    app.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="owner/new")
    with pytest.raises(HfHubHTTPError, match="403"):
        app.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="owner/old")
    with pytest.raises(requests.HTTPError, match="Invalid user token"):
        api("hf_unknown", hub.url).whoami()
    for nobody in (other, api(None, hub.url)):
        assert nobody.model_info("owner/gated").gated == "manual"
        with pytest.raises(GatedRepoError):
            nobody.hf_hub_download("owner/gated", ".gitattributes")
    with pytest.raises(RevisionNotFoundError):
        owner.model_info("owner/gated", revision="v9")


def test_it_fails_as_it_is_told_to(owner: HfApi, hub: HubServer) -> None:
    hub.hub.create("owner/m", by="user")
    for status in (401, 403, 404, 409, 429, 500):
        hub.hub.fail("POST", "/commit/", status=status, headers={"Retry-After": "7"})
        with pytest.raises(HfHubHTTPError) as caught:
            owner.create_commit("owner/m", [CommitOperationAdd("a", b"a")], commit_message="m")
        assert caught.value.response is not None
        assert caught.value.response.status_code == status
    hub.hub.fail("POST", "/commit/", lose_answer=True)
    with pytest.raises(requests.ConnectionError):
        owner.create_commit("owner/m", [CommitOperationAdd("a", b"a")], commit_message="lost")
    assert hub.hub.commits("owner/m")[0]["message"] == "lost"


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("late"), requests.Timeout("late")])
def test_the_clients_of_both_worker_stacks_are_understood(error: Exception) -> None:
    """From version 1 on the client goes through httpx."""
    assert isinstance(error, SPOKEN)
    assert transient(error)
    assert trouble(error) == "the Hub cannot be reached: check the network, then try again"
