"""One spelling for mathematics that is written in plain text, in Unicode or in the many ways of LaTeX."""

import re

_COMMANDS = {
    "π": "pi", "≈": "approx", "∞": "infty", "×": "times", "÷": "div", "·": "cdot", "⋅": "cdot", "∙": "cdot", "≤": "le",
    "≥": "ge", "≠": "ne", "∪": "cup", "∩": "cap", "∈": "in", "∅": "emptyset", "±": "pm", "∖": "setminus", "θ": "theta",
    "α": "alpha", "β": "beta", "λ": "lambda",
}  # fmt: skip
_SIGNS = {sign: rf"\{name} " for sign, name in _COMMANDS.items()} | {
    "°": r"^\circ ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "−": "-", "–": "-", "⟨": "(", "⟩": ")",
    "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "（": "(",
    "）": ")", "，": ",",
}  # fmt: skip
_SIGN = re.compile("[" + "".join(_SIGNS) + "]")
_HIGH = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_DRESSES = "textnormal|textrm|textit|textbf|textsf|mathsf|mathit|mathbf|mbox|operatorname|boldsymbol|bm"
_FUNCTIONS = "sin|cos|tan|cot|sec|csc|ln|log|arcsin|arccos|arctan"
_WORD = r"(?<![\\A-Za-z])"  # a word of its own, no command


_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), spelling)
    for pattern, spelling in (
        (r"(?:\\left\s*)?[\[(]\s*\\begin\{(?:matrix|array)\}(?:\{[lcr|]*\})?", r"\\begin{pmatrix}"),
        (r"\\end\{(?:matrix|array)\}\s*(?:\\right\s*)?[\])]", r"\\end{pmatrix}"),
        (r"\\\{\s*[a-z]\s*(?:\\mid|\\vert|[|:])([^{}]*)\\\}", r"\1"),
        (r"\+\s?/?\s?-(?=\s*[\d\\])|\bplus or minus\b", r"\\pm "),
        (r"\\(?:left|right|big|Big|bigg|Bigg|displaystyle|limits|quad|qquad)(?![a-zA-Z])", " "),
        (r"(?<!\\)\\(?:[,;:!]|(?=\s))|~", " "),
        (r"\\(?:begin|end)\{(?:aligned|align\*?|array|gathered|cases|split|equation\*?)\}(?:\{[lcr|]*\})?", " "),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (rf"\\(?:{_DRESSES})\s*(?=\{{)", r"\\text"),
        (r"\{([^{}]{1,30})\\over(?![a-z])([^{}]{1,30})\}", r"\\frac{\1}{\2}"),
        (r"^([^{}]{1,30})\\over(?![a-z])([^{}]{1,30})$", r"\\frac{\1}{\2}"),
        (r"\\(?:varnothing|phi(?=\s*$))(?![a-zA-Z])|\\\{\s*\\\}", r"\\emptyset "),
        (r"\\[lr]vert(?![a-zA-Z])", "|"),
        (r"\\(?:langle|lparen)(?![a-zA-Z])", "("),
        (r"\\(?:rangle|rparen)(?![a-zA-Z])", ")"),
        (r"\\lbrace(?![a-zA-Z])", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"\\(leq|geq|neq)slant(?![a-zA-Z])", r"\\\1"),
        (r"\\(?:mathrm|text)\s*\{\s*([ei])\s*\}", r"\1"),
        (r"\\(?:mathbb|mathbf|Bbb)\s*\{?\s*([RZNQ])\s*\}?", r"\\mathbb{\1}"),
        (r"\*\*", "^"),
        (rf"{_WORD}pi(?![A-Za-z])", r"\\pi "),
        (rf"{_WORD}(?:oo|(?i:inf|infinity))(?![A-Za-z])", r"\\infty "),
        (rf"(?:{_WORD}sqrt\s*|√\s?|\\sqrt\s*)\(([^()]*)\)", r"\\sqrt{\1}"),
        (rf"(?:√|{_WORD}sqrt)\s?(\d+|[a-z])", r"\\sqrt{\1}"),
        (r"\\sqrt\s?(\d+|[a-z])(?![\d{])", r"\\sqrt{\1}"),
        (rf"(?:{_WORD}|\\)exp\s*\(([^()]*)\)", r"e^{\1}"),
        (r"\\\\\s?\[\s?\d{1,2}(?:pt|mm|ex|em)\s?\]", r"\\\\"),
        (rf"{_WORD}({_FUNCTIONS})(?=\s*\(|\s+[a-z\d]|[a-z]\b)", r"\\\1 "),
        (rf"{_WORD}cbrt\s*\(([^()]*)\)", r"\\sqrt[3]{\1}"),
        (rf"{_WORD}abs\s*\(([^()]*)\)", r"|\1|"),
        (r"\^\s*\(([^()]*)\)", r"^{\1}"),
        (r"\^\s*(-?\d{2,}|-\d)", r"^{\1}"),
        (r"(?<=[\w)}\]])\s*\*\s*(?=[\w(\\])", r" \\cdot "),
        (
            r"(\\(?:sin|cos|tan|cot)\s*\{?\s*\(?)(\d{1,4})\s*(?:\^\s*\{?\s*\\circ\s*\}?|\\degree)",
            r"\1 \\frac{\2\\pi}{180}",
        ),
        (r"[ \t\n]+", " "),
    )
]
_ROWS = re.compile(r"\\begin\{[a-z]matrix\}|[\[(]\s*\\begin\{array\}")


def plain_spelling(latex: str) -> str:
    """The same formula in one spelling of LaTeX: commands in place of signs and words, without what only dresses it."""
    latex = _SIGN.sub(lambda sign: _SIGNS[sign[0]], latex.strip())
    latex = re.sub(f"[{_HIGH}]+", lambda high: "^{" + "".join(str(_HIGH.index(one)) for one in high[0]) + "}", latex)
    aligned = "\\begin{align" in latex or "\\begin{gather" in latex or "\\begin{array" in latex
    if aligned and not _ROWS.search(latex):
        latex = latex.replace("&", " ").replace("\\\\", ", ")
    for pattern, spelling in _RULES:
        latex = pattern.sub(spelling, latex)
    return latex.strip(" $.,")
