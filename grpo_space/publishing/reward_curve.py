"""The reward curve as a picture, drawn with Pillow, which comes with Gradio."""

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 520
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 60, 70
INK, FAINT, BLUE, ORANGE = "#1f2937", "#e5e7eb", "#2563eb", "#ea580c"


def png(rewards: Sequence[tuple[int, float]], probes: Sequence[tuple[int, float]]) -> bytes | None:
    """A PNG of the mean reward by step, and where there are probes the share of right answers (0 to 1) on held-out
    problems, by a scale of its own on the right. None where no reward is a number.
    """
    drawn = [(step, value) for step, value in rewards if math.isfinite(value)]
    if not drawn:
        return None
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(20)
    last = max(max(step for step, _ in drawn), 1)
    low, high = _nice(min(value for _, value in drawn), max(value for _, value in drawn))

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT - (60 if probes else 0)) * step / last

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    for part in range(5):
        height = y(part / 4)
        draw.line([(x(0), height), (x(last), height)], fill=FAINT, width=2)
        draw.text((LEFT - 12, height), f"{low + (high - low) * part / 4:.2f}", fill=BLUE, font=font, anchor="rm")
        if probes:
            draw.text((x(last) + 12, height), f"{25 * part} %", fill=ORANGE, font=font, anchor="lm")
        draw.text(
            (x(last * part / 4), HEIGHT - BOTTOM + 14), f"{last * part / 4:.0f}", fill=INK, font=font, anchor="mt"
        )
    draw.text((x(last / 2), HEIGHT - 14), "step", fill=INK, font=font, anchor="mb")
    draw.text((LEFT, 18), "mean reward", fill=BLUE, font=font, anchor="lt")
    if probes:
        draw.text((x(last), 18), "right answers on held-out problems", fill=ORANGE, font=font, anchor="rt")
    _line(draw, [(x(step), y((value - low) / (high - low))) for step, value in drawn], BLUE)
    _line(draw, [(x(step), y(share)) for step, share in probes], ORANGE, dots=True)
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return data.getvalue()


def _line(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: str, dots: bool = False) -> None:
    if len(points) > 1:
        draw.line(points, fill=colour, width=4, joint="curve")
    for left, top in points if dots or len(points) == 1 else []:
        draw.ellipse([(left - 6, top - 6), (left + 6, top + 6)], fill=colour)


def _nice(low: float, high: float) -> tuple[float, float]:
    """Ends of a scale that lie at round numbers, and not at the same one."""
    step = 10 ** math.floor(math.log10(max(high - low, 0.1)))
    bottom, top = math.floor(low / step) * step, (math.floor(high / step) + 1) * step
    return bottom, top if top > bottom else bottom + max(1.0, abs(bottom))
