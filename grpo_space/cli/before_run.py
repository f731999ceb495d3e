"""The commands before a run: what can be trained, whether it fits here, how long it takes."""

import argparse

from huggingface_hub import get_token
from rich.text import Text

from grpo_space import formatting, paths, presets
from grpo_space.cli import tables
from grpo_space.cli.tables import text
from grpo_space.cli.terminal import print_json, show
from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.planning import doctor, estimate, gpus, hardware, memory, power
from grpo_space.planning.model_shape import shape_of
from grpo_space.runs import data_report


def list_presets(arguments: argparse.Namespace) -> int:
    """Shows the presets as the app's cards do, with time and cost on this machine."""
    read = {name: presets.read_preset(name) for name in presets.preset_names()}
    if arguments.json:
        return print_json([{"name": name, **preset.model_dump(mode="json")} for name, preset in read.items()])
    gpu = hardware.gpu()
    for name, preset in read.items():
        show(Text.assemble((name, "bold cyan"), "  ", preset.title, (f"  needs: {preset.hardware}", "dim")))
        show(text(f"  {preset.summary}\n  {preset.expect}"))
        lengths = {"": preset.run} | ({"--quick": presets.quick(name)} if preset.quick else {})
        for flag, run in lengths.items():
            steps = f"{counted(run.grpo.max_steps, 'step')}{' (' + flag + ')' if flag else ''}"
            show(text(f"  {steps}: {estimate.words(run, gpu)}"))
        show(text(f"  {power.words(preset.run)}"))
        show("")
    show(text(f"Train one: {formatting.command('train tiny')}"))
    return 0


def chosen(arguments: argparse.Namespace) -> RunConfig:
    """The config that the arguments choose: a preset, or its short run, with changed settings."""
    preset = arguments.preset
    return override(presets.quick(preset) if arguments.quick else presets.read_preset(preset).run, arguments.settings)


def examine(arguments: argparse.Namespace) -> int:
    """Shows whether everything is here that a run needs. Gives 1 where something is missing."""
    if not arguments.json:
        show(text("Looking. The packages are imported, which takes ten seconds, or a minute where vLLM is installed."))
    checks = doctor.examine(with_gpu=not arguments.no_gpu, token=get_token())
    if arguments.json:
        print_json([check.__dict__ for check in checks])
    else:
        rows = [(check.what, "ok" if check.ok else "problem", check.found, check.advice) for check in checks]
        show(tables.table(("", "", "found", "what to do"), rows))
    return int(not all(check.ok for check in checks))


def config_of(arguments: argparse.Namespace) -> RunConfig:
    """The config that the arguments choose, once it is known to fit this machine.

    Raises:
        UserError: naming each setting that this machine, its files or its GPU's memory do not allow.
    """
    config = data_report.with_prompt(chosen(arguments))
    cards = hardware.gpus()
    hardware.check(config, cards[0] if cards else None)
    gpus.chosen(config, len(cards))
    paths.check_files(config)
    if cards:
        memory.check(config, memory.limit_of(cards[0]))
    return config


def fit(arguments: argparse.Namespace) -> int:
    """Shows the memory that a run takes of a GPU. Gives 1 where it does not fit."""
    config = chosen(arguments)
    found, shape = hardware.gpu(), shape_of(config.model)
    if arguments.gpu == "here" and found is None:
        raise UserError("--gpu here: this machine has no GPU")
    if shape is None:
        raise UserError(f"model.id: {config.model.id}: its sizes are known once it was downloaded")
    card = arguments.gpu.lower() if arguments.gpu not in ("", "here") else found or "t4"
    limit = memory.limit_of(card)
    together = gpus.chosen(config) if found is not None and card is found else gpus.named(config)
    plan = memory.plan_each(config, shape, limit, together.count)
    longest, group = memory.longest_completion(config, shape, limit), memory.largest_group(config, shape, limit)
    if arguments.json:
        rounded = {name: round(value, 3) for name, value in plan.parts.items()}
        print_json({"parts": rounded, "total": round(plan.total, 3), "limit": limit, "fits": plan.fits,
                    "gpus": together.count, "longest_completion": longest, "largest_group": group})  # fmt: skip
    else:
        each = f"each of {together.count} {card}" if together.count > 1 else str(card)
        for part in tables.fit(plan, each, longest, config.data.max_prompt_length, group):
            show(part)
        if together.words:
            show(text(together.words))
        named = hardware.Gpu(str(card), limit, "", (0, 0))  # an estimate asks for the name alone
        machine = found if arguments.gpu in ("", "here") else named
        show(text(estimate.words(config, machine, together.count)))
        show(text(power.words(config)))
    return int(not plan.fits)
