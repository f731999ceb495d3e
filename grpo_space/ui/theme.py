"""How the app looks: one accent, edges that are seen, and text that can be read. The rest is in theme.css."""

from pathlib import Path

import gradio as gr

CSS = Path(__file__).with_name("theme.css")
EDGE, EDGE_DARK = "#8592a6", "*neutral_500"
"""Of what can be typed into or pressed: 3 to 1 against what is around it, as WCAG asks of edges."""


def theme() -> gr.themes.Base:
    """The theme of the page."""
    fonts = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    soft = gr.themes.Soft(
        primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", font=fonts, font_mono=mono
    )  # the system's fonts: a page that asks nobody else for anything
    edges = {
        "button_secondary_border_color": EDGE,
        "button_secondary_border_color_hover": EDGE,
        "checkbox_border_color": EDGE,
        "checkbox_label_border_color": EDGE,
        "input_border_color": EDGE,
    }
    edges |= {f"{name}_dark": EDGE_DARK for name in edges}
    flat = ("button_primary", "button_secondary", "checkbox_label")
    edges |= {f"{name}_shadow{how}": "none" for name in flat for how in ("", "_hover", "_active")}
    # Soft's greys and its accent on white are too pale to read: 2.5 and 4.47 to 1, where WCAG asks for 4.5
    return soft.set(
        **edges,
        background_fill_primary="*neutral_50",  # Soft's own, which a second `set` forgets
        block_background_fill_dark="*neutral_900",
        block_info_text_color="*neutral_600",
        block_label_background_fill="white",
        block_label_background_fill_dark="*neutral_900",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_padding="0",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        body_text_color_subdued="*neutral_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_border_color="*primary_600",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        checkbox_label_background_fill_selected="*primary_600",
        checkbox_label_border_width="1px",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_300",
        input_border_width="1px",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_300",
        input_shadow="none",
        input_shadow_focus="0 0 0 1px *primary_600",
        layout_gap="12px",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_700",
        link_text_color_visited_dark="*primary_300",
    )
