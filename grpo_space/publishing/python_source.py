"""Writes Python source: values as literals, definitions of a file with all that they use, and the imports of it all."""

import ast
from collections.abc import Collection, Iterable, Mapping


def literal(value: object) -> str:
    """A value as Python source, in the quotes that formatters prefer; the lines of a text stand one below the other."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(key)}: {literal(each)}' for key, each in value.items())}}}"
    if not isinstance(value, str):
        return repr(value)
    lines = value.splitlines(keepends=True)
    if len(lines) > 1:
        return "(\n" + "".join(f"    {literal(line)}\n" for line in lines) + ")"
    source = repr(value)
    return f'"{source[1:-1]}"' if source[0] == "'" and '"' not in source else source


def arguments(values: Mapping[str, object]) -> str:
    """Keyword arguments, one a line."""
    return "".join(f"    {name}={literal(value)},\n" for name, value in values.items())


def definitions(source: str, wanted: Iterable[str], without: Collection[str]) -> str:
    """The functions and constants of a file that are wanted, with all of its others that they use, in the file's order.
    `without`: those that are defined elsewhere.
    """
    nodes = {name: node for node in ast.parse(source).body if (name := _defined(node)) and name not in without}
    needed: set[str] = set()
    left = list(wanted)
    while left:
        if (name := left.pop()) in nodes.keys() - needed:
            needed.add(name)
            left += names(nodes[name])
    written = ""
    for name, node in nodes.items():
        if name in needed:
            apart = isinstance(node, ast.FunctionDef) or written.endswith("\n\n\n")
            piece = ast.get_source_segment(source, node) or ""
            written = (written.rstrip("\n") + "\n\n\n" if apart and written else written) + piece
            written += "\n\n\n" if isinstance(node, ast.FunctionDef) else "\n"
    return written


def imports(candidates: str, body: str) -> str:
    """Of these import statements what the body uses."""
    used, lines = set(names(ast.parse(body))), []
    for node in ast.parse(candidates).body:
        assert isinstance(node, ast.Import | ast.ImportFrom)
        node.names = [alias for alias in node.names if alias.name in used]
        lines += [ast.unparse(node)] if node.names else []
    return "\n".join(lines)


def names(node: ast.AST) -> list[str]:
    """The names that a piece of source mentions."""
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]


def _defined(node: ast.stmt) -> str | None:
    """The name that a statement defines."""
    if isinstance(node, ast.FunctionDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else None
