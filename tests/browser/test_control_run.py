"""Where a gain may be none of the rewards' doing, one press trains a control; everywhere it is called one."""

from gradio_client import Client
from playwright.sync_api import expect

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs import launch
from grpo_space.runs.events import Finished, Remembered, Started
from grpo_space.runs.run import all_runs, create_run
from tests.support import made
from tests.support.browser import Complaints, Open, show
from tests.support.processes import gone
from tests.support.served import Served

SMALL = ["grpo.max_steps=500", "grpo.per_device_train_batch_size=8", "evaluation.problems=4"]


def test_the_offer_is_pressed_and_the_control_is_followed(visit: Open, app: Served, complaints: Complaints) -> None:
    run = create_run(override(read_preset("tiny").run, SMALL))
    remembered = Remembered(both=0, only_original=38, only_changed=1, neither=161, seed=0)
    for event in (Started(), made.BASE, remembered, made.BOTH, Finished(why="done")):
        run.log.append(event)
    page = visit("Compare")
    offer = page.locator("#gs-control")
    expect(page.get_by_text("The base remembers test questions. A control")).to_be_visible()
    offer.click()
    expect(page.locator("#gs-train")).to_be_visible()
    expect(page.locator("#gs-now")).not_to_contain_text(run.id)
    [other] = [each for each in all_runs() if each.id != run.id]
    expect(page.locator("#gs-now")).to_contain_text(other.id)
    try:
        ask = Client(app.url, verbose=False)
        assert [ask.predict(each.id, api_name="/status")["control"] for each in (run, other)] == ["none", "random"]
        show(page, "Runs")
        listed = page.locator("#gs-runs tbody tr")
        expect(listed.filter(has_text=other.id)).to_contain_text("a control, random rewards")
        expect(listed.filter(has_text=run.id)).not_to_contain_text("random rewards")
        show(page, "Compare")
        expect(offer).to_be_hidden()
    finally:
        launch.stop(other)
        gone(other)
    assert not complaints
