"""One spelling for mathematics that is written in plain text, in Unicode or in the many ways of LaTeX."""

import re

_SIGNS = {
    "π": r"\pi ", "≈": r"\approx ", "∞": r"\infty ", "×": r"\times ", "÷": r"\div ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "≤": r"\le ", "≥": r"\ge ",
    "≠": r"\ne ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "∅": r"\emptyset ", "±": r"\pm ", "θ": r"\theta ", "α": r"\alpha ",
    "β": r"\beta ", "λ": r"\lambda ", "°": r"^\circ ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "−": "-", "–": "-", "⟨": "(",
    "⟩": ")", "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "∖": r"\setminus ",
    "（": "(", "）": ")", "，": ",",
}  # fmt: skip
_SIGN = re.compile("[" + "".join(_SIGNS) + "]")
_HIGH = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_RULES = [
    (re.compile(r"\\(?:left|right|big|Big|bigg|Bigg|displaystyle|limits|quad|qquad)(?![a-zA-Z])|(?<!\\)\\(?:[,;:!]|(?=\s))|~"), " "),
    (re.compile(r"\\(?:begin|end)\{(?:aligned|align\*?|array|gathered|cases|split|equation\*?)\}(?:\{[lcr|]*\})?"), " "),
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\(?:textnormal|textrm|textit|textbf|textsf|mathsf|mathit|mathbf|mbox|operatorname|boldsymbol|bm)\s*(?=\{)"), r"\\text"),
    (re.compile(r"\{([^{}]{1,30})\\over(?![a-z])([^{}]{1,30})\}"), r"\\frac{\1}{\2}"),
    (re.compile(r"^([^{}]{1,30})\\over(?![a-z])([^{}]{1,30})$"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\(?:varnothing|phi(?=\s*$))(?![a-zA-Z])|\\\{\s*\\\}"), r"\\emptyset "),
    (re.compile(r"\\[lr]vert(?![a-zA-Z])"), "|"),
    (re.compile(r"\\(?:langle|lparen)(?![a-zA-Z])"), "("),
    (re.compile(r"\\(?:rangle|rparen)(?![a-zA-Z])"), ")"),
    (re.compile(r"\\[lr]brace(?![a-zA-Z])"), lambda mark: r"\{" if mark[0] == r"\lbrace" else r"\}"),
    (re.compile(r"\\(leq|geq|neq)slant(?![a-zA-Z])"), r"\\\1"),
    (re.compile(r"\\(?:mathrm|text)\s*\{\s*([ei])\s*\}"), r"\1"),
    (re.compile(r"\\(?:mathbb|mathbf|Bbb)\s*\{?\s*([RZNQ])\s*\}?"), r"\\mathbb{\1}"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])"), r"\\pi "),
    (re.compile(r"(?<![\\A-Za-z])(?:oo|inf|infinity)(?![A-Za-z])"), r"\\infty "),
    (re.compile(r"(?<![\\A-Za-z])(?:sqrt|√)\s*\(([^()]*)\)|√\s?\(([^()]*)\)"), lambda mark: rf"\sqrt{{{mark[1] or mark[2]}}}"),
    (re.compile(r"(?:√|(?<![\\A-Za-z])sqrt)\s?(\d+|[a-z])"), r"\\sqrt{\1}"),
    (re.compile(r"\\sqrt\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"\\sqrt\s?(\d+|[a-z])(?![\d{])"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![\\A-Za-z])exp\s*\(([^()]*)\)"), r"e^{\1}"),
    (re.compile(r"(?<![\\A-Za-z])(sin|cos|tan|cot|sec|csc|ln|log|arcsin|arccos|arctan)(?=\s*\(|\s+[a-z\d]|[a-z]\b)"), r"\\\1 "),
    (re.compile(r"(?<![\\A-Za-z])(abs)\s*\(([^()]*)\)"), r"|\2|"),
    (re.compile(r"\^\s*\(([^()]*)\)"), r"^{\1}"),
    (re.compile(r"\^\s*(-?\d{2,}|-\d)"), r"^{\1}"),
    (re.compile(r"(?<=[\w)}\]])\s*\*\s*(?=[\w(\\])"), r" \\cdot "),
    (re.compile(r"(\\(?:sin|cos|tan|cot)\s*\{?\s*\(?)(\d{1,4})\s*(?:\^\s*\{?\s*\\circ\s*\}?|\\degree)"), r"\1 \\frac{\2\\pi}{180}"),
    (re.compile(r"[ \t\n]+"), " "),
]  # fmt: skip
_ROWS = re.compile(r"\\begin\{[a-z]matrix\}")


def plain_spelling(latex: str) -> str:
    """The same formula in one spelling of LaTeX: commands in place of signs and words, without what only dresses it."""
    latex = latex.replace("\\dollar", "").strip()
    latex = _SIGN.sub(lambda sign: _SIGNS[sign[0]], latex)
    latex = re.sub(f"[{_HIGH}]+", lambda high: "^{" + "".join(str(_HIGH.index(one)) for one in high[0]) + "}", latex)
    aligned = "\\begin{align" in latex or "\\begin{gather" in latex or "\\begin{array" in latex
    if aligned and not _ROWS.search(latex):
        latex = latex.replace("&", " ").replace("\\\\", ", ")
    for pattern, spelling in _RULES:
        latex = pattern.sub(spelling, latex)
    return latex.strip(" $.,")
