"""What is known before Publish is pressed: under which name, whether one may write there, and the card as it will look.

Where nobody is signed in it says what to do; on this machine, or over HTTPS, a token may be typed in that is used once.
"""

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.publishing import card
from grpo_space.publishing.publish import checked_name, proposed_name
from grpo_space.runs.run import Run
from grpo_space.ui.access import Access
from grpo_space.ui.markup import note, tag, text
from grpo_space.ui.owners import Owner


def words(run: Run, typed: str, owner: Owner) -> tuple[str, str]:
    """The name that the repository will have, and whether it can be written, as HTML."""
    name = typed.strip() or proposed_name(owner.name, run.config)
    try:
        name = checked_name(name, run.config)
    except UserError as error:
        return name, note("warning", *map(text, error.problems))
    signed = f"Signed in as {tag('b', text(owner.name))}."
    where = f"It goes to <code>{text(name)}</code>{'' if typed.strip() else ', a proposed name'}."
    if not owner.writes:
        cure = f"This token may only read: make one with the right to write at {hub.SITE}/settings/tokens."
        return name, note("warning", signed, where, text(cure))
    if not owner.may_write(name):
        whose = name.partition("/")[0]
        cure = f"{whose} is neither you nor an organisation in which you may write: take {owner.name}/... instead."
        return name, note("warning", signed, where, text(cure))
    return name, note("good", signed, where, "You may write there.")


def nobody(access: Access, field: bool) -> str:
    """What to do where nobody is signed in, as HTML. `field`: a token can be typed in."""
    first = tag("b", "Nobody is signed in.")
    if access.on_space:
        return note("info", first, "Sign in with Hugging Face: the button is at the top of the page.")
    ways = "On this machine: <code>hf auth login</code>, or start the app with HF_TOKEN."
    line = "On the command line: <code>python -m grpo_space publish RUN USER/NAME</code>, after either of these."
    typed = "Or type a token below: it is used once, for this upload, and kept nowhere."
    unsafe = "A token cannot be typed in here: over plain HTTP others could read it on its way."
    return note("info", first, ways, line, typed if field else unsafe)


def card_of(run: Run, name: str) -> str:
    """The card as it will look, as Markdown; empty where it cannot be made."""
    try:
        return str(card.card(run, name).content)
    except UserError:
        return ""
