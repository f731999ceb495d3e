"""How the app looks: one theme, few colours. The rest is in theme.css."""

from pathlib import Path

import gradio as gr

CSS = Path(__file__).with_name("theme.css")


def theme() -> gr.themes.Base:
    """The theme of the page."""
    fonts = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    soft = gr.themes.Soft(
        primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", font=fonts, font_mono=mono
    )  # the system's fonts: a page that asks nobody else for anything
    # Soft's grey is too pale to read on white: 2.5 to 1, where WCAG asks for 4.5
    return soft.set(
        background_fill_primary="*neutral_50",  # Soft's own, which a second `set` forgets
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
    )
