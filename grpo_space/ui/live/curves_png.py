"""A run's curves as one picture, drawn with Pillow, which comes with Gradio: the same charts as on the page."""

import io
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from grpo_space.ui.live.chart import HEIGHT, LEFT, WIDTH, Frame, Point, framed
from grpo_space.ui.live.curves import CHARTS, PROBE, Curves, probe_points

SCALE = 2
COLUMNS = 3
GAP, TITLE = 24, 56
INK, FAINT = "#1f2937", "#d1d5db"
COLOURS = ("#4f46e5", "#b45309", "#047857", "#be185d", "#0369a1", "#6b7280")


def png(curves: Curves, name: str) -> bytes | None:
    """All charts of a run as a PNG, under its name; None before the first step."""
    drawn: list[tuple[str, Frame, dict[str, list[Point]]]] = []
    for chart, lines in zip(CHARTS, curves.lines, strict=True):
        points = {key: line.points for key, line in lines.items() if line.points}
        if points:
            every = [point for each in points.values() for point in each]
            frame = framed(every, curves.max_steps, chart.floor, chart.ceiling, chart.digits, chart.unit)
            drawn.append((f"{chart.title}{f', {chart.unit}' if chart.unit else ''}", frame, points))
    if not drawn:
        return None
    if curves.probes:
        points = {"right": probe_points(curves.probes)}
        drawn.append((f"{PROBE}, %", framed(points["right"], curves.max_steps, 0, 100, 0, "%"), points))
    rows = -(-len(drawn) // COLUMNS)
    wide, high = SCALE * WIDTH + GAP, SCALE * HEIGHT + TITLE + GAP
    image = Image.new("RGB", (COLUMNS * wide + GAP, rows * high + TITLE), "white")
    draw = ImageDraw.Draw(image)
    draw.text((GAP, GAP), name, fill=INK, font=ImageFont.load_default(24))
    for number, (title, frame, points) in enumerate(drawn):
        corner = GAP + number % COLUMNS * wide, TITLE + number // COLUMNS * high
        _chart(draw, corner, title, frame, points)
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return data.getvalue()


def _chart(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], title: str, frame: Frame, lines: Mapping[str, Sequence[Point]]
) -> None:
    left, top = corner[0], corner[1] + TITLE
    small, font = ImageFont.load_default(18), ImageFont.load_default(20)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + SCALE * x, top + SCALE * y

    draw.text(corner, title, fill=INK, font=font)
    names = left
    for number, name in enumerate(name for name in lines if name):
        draw.text((names, corner[1] + 26), name, fill=COLOURS[number % len(COLOURS)], font=small)
        names += round(draw.textlength(f"{name}   ", font=small))
    for y in (8, (8 + HEIGHT - 18) / 2, HEIGHT - 18):
        draw.line([at(LEFT, y), at(WIDTH - 6, y)], fill=FAINT, width=SCALE)
    for value, y in ((frame.high, 8), (frame.low, HEIGHT - 18)):
        words = f"{value:.{frame.digits}f}{frame.mark}"
        draw.text(at(LEFT - 4, y), words, fill=INK, font=small, anchor="rm")
    draw.text(at(LEFT, HEIGHT - 14), "0", fill=INK, font=small, anchor="lt")
    draw.text(at(WIDTH - 6, HEIGHT - 14), f"step {frame.steps:,}", fill=INK, font=small, anchor="rt")
    for number, points in enumerate(lines.values()):
        colour = COLOURS[number % len(COLOURS)]
        path = [at(frame.x(point.step), frame.y(point.value)) for point in points]
        if len(path) > 1:
            draw.line(path, fill=colour, width=2 * SCALE, joint="curve")
        x, y = path[-1]
        draw.ellipse([(x - 5, y - 5), (x + 5, y + 5)], fill=colour)
