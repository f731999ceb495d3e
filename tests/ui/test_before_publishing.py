"""What is known before Publish is pressed, and whose token may be typed in."""

from pathlib import Path
from typing import Any

import pytest

from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs.run import Run, create_run
from grpo_space.ui.access import Access
from grpo_space.ui.owners import Owner, Owners, owner_of, token_of
from grpo_space.ui.publish import before
from tests.support.fake_worker import with_adapter
from tests.support.hub_server import HubServer
from tests.support.hub_store import User
from tests.support.processes import TOKEN
from tests.support.sign_in import request

HERE: dict[str, Any] = {"client": ("127.0.0.1", 5000), "headers": [(b"host", b"localhost:7860")]}
LAN: dict[str, Any] = {"client": ("192.168.1.7", 5000), "headers": [(b"host", b"lab:7860")]}
TYPED = "hf_TypedIn0123456789abc"


@pytest.fixture
def run(runs_root: Path) -> Run:
    return with_adapter(create_run(read_preset("tiny").run))


def test_the_proposed_name_and_that_one_may_write_there(run: Run, hub: HubServer) -> None:
    owner = Owners().of(TOKEN)
    assert owner == Owner("owner", writes=True)
    name, said = before.words(run, "", owner)
    assert name == "owner/tiny-grpo-train"
    assert "<code>owner/tiny-grpo-train</code>, a proposed name." in said
    assert "You may write there." in said


@pytest.mark.parametrize(
    ("typed", "owner", "words"),
    [
        ("other/name", Owner("ada", True, ("lab",)), "other is neither you nor an organisation in which you may write"),
        ("ada/name", Owner("ada", False), "This token may only read"),
        ("no name", Owner("ada", True), "NAME: is written user/name"),
        ("<b>/x", Owner("ada", True), "NAME: is written user/name"),
    ],
)
def test_what_would_be_refused_says_so_before(run: Run, typed: str, owner: Owner, words: str) -> None:
    _, said = before.words(run, typed, owner)
    assert words in said
    assert "gs-warning" in said
    assert "<b>/x" not in said


def test_one_may_write_in_an_organisation_by_ones_role(run: Run) -> None:
    roles = {"lab": "write", "club": "admin", "school": "read"}
    orgs = [{"name": name, "roleInOrg": role} for name, role in roles.items()]
    auth = {"type": "access_token", "accessToken": {"role": "write"}}
    owner = owner_of({"name": "ada", "orgs": orgs, "auth": auth})
    assert [owner.may_write(f"{name}/x") for name in ("ada", "lab", "club", "school", "else")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert "You may write there." in before.words(run, "lab/tiny", owner)[1]
    assert not owner_of({"name": "a", "auth": {"type": "access_token", "accessToken": {"role": "read"}}}).writes


def test_the_hub_is_asked_once_and_a_token_is_kept_nowhere(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = Owners()
    first = owners.of(TOKEN)
    hub.hub.users[TOKEN] = User("another", "write")
    assert owners.of(TOKEN) is first
    assert TOKEN not in repr(vars(owners))
    assert Owners().of(TOKEN).name == "another"
    with pytest.raises(UserError) as refused:
        owners.of("hf_unknownUnknownUnknown1")
    assert "hf_unknown" not in str(refused.value)


def test_a_typed_token_is_taken_where_nobody_else_can_read_it() -> None:
    own, password = Access(on_space=False), Access(on_space=False, password="x")
    assert token_of(own, request(**HERE), f" {TYPED} ") == TYPED
    assert token_of(password, request(**LAN, scheme="https"), TYPED) == TYPED
    with pytest.raises(UserError, match="over HTTPS or on this machine only") as refused:
        token_of(password, request(**LAN, scheme="http"), TYPED)
    assert TYPED not in str(refused.value)
    with pytest.raises(UserError, match="Only this machine may do that"):
        token_of(own, request(**LAN, scheme="https"), TYPED)
    with pytest.raises(UserError, match="over HTTPS or on this machine only"):
        token_of(Access(on_space=True, space_id="ada/grpo", demo=True), request(**HERE), TYPED)


def test_where_nobody_is_signed_in_it_says_what_to_do() -> None:
    on_space = before.nobody(Access(on_space=True, space_id="ada/grpo"), field=False)
    assert "Sign in with Hugging Face: the button is at the top" in on_space
    here = before.nobody(Access(on_space=False), field=True)
    assert "hf auth login" in here
    assert "grpo_space publish RUN USER/NAME" in here
    assert "type a token below" in here
    assert "cannot be typed in here" in before.nobody(Access(on_space=False, password="x"), field=False)


def test_the_card_is_seen_as_it_will_look(run: Run) -> None:
    card = before.card_of(run, "owner/tiny-grpo-train")
    assert card.startswith("---\n")
    assert "owner/tiny-grpo-train" in card
