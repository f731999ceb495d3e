import pytest

from grpo_space.cli import deploy_space
from grpo_space.errors import UserError
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import TOKEN


def test_the_project_is_a_space_and_nothing_else_goes(hub: HubServer) -> None:
    assert deploy_space.put("owner/grpo", TOKEN) == "https://huggingface.co/spaces/owner/grpo"
    files = hub.hub.files("owner/grpo", "space")
    assert {"README.md", "requirements.txt", "grpo_space/__main__.py", "presets/tiny/model/model.safetensors"} <= set(
        files
    )
    assert not [path for path in files if "__pycache__" in path or path.startswith((".venv", "runs/", ".git/"))]
    deploy_space.put("owner/grpo", TOKEN)
    assert [commit["message"] for commit in hub.hub.commits("owner/grpo", "space")] == ["GRPO Space", "initial commit"]
    hub.hub.commit("space", "owner/grpo", "old", {"grpo_space/old.py": b"", "mine.txt": b""})
    hub.hub.commit("space", "owner/grpo", "changed", {"README.md": b""})
    deploy_space.put("owner/grpo", TOKEN)
    assert set(hub.hub.files("owner/grpo", "space")) == {*files, "mine.txt"}


@pytest.mark.parametrize(
    ("name", "token", "words"),
    [("", TOKEN, "make space SPACE=user/name"), ("owner/grpo", None, "nobody is signed in"),
     ("owner/grpo", "hf_readonly0123", "this token may not write to owner/grpo")],
)  # fmt: skip
def test_what_is_in_the_way_is_named(hub: HubServer, name: str, token: str | None, words: str) -> None:
    hub.hub.users["hf_readonly0123"] = User("owner", "read")
    with pytest.raises(UserError, match=words):
        deploy_space.put(name, token)
