"""A test of all modules of bench/peers, those too whose libraries are not there: they find in each other what they use.

compare_peers leaves out a peer whose module cannot be loaded, so that a missing name would pass for a missing library.
"""

import ast
import pathlib
import unittest

FOLDER = pathlib.Path(__file__).resolve().parents[1]


def names_of(tree: ast.Module) -> set[str]:
    """What a module defines or imports at its top level, in branches of `if` and `try` as well."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return names


def uses_of(tree: ast.Module, modules: set[str]) -> set[tuple[str, str]]:
    """The pairs (module, name) that a module takes from its neighbours."""
    uses = set()
    imported = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update({alias.asname or alias.name: alias.name for alias in node.names if alias.name in modules})
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            uses.update((node.module, alias.name) for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            uses.add((imported[node.value.id], node.attr))
    return uses


class ModulesTest(unittest.TestCase):

    def test_every_name_that_is_used_is_there(self):
        trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.py")}
        names = {module: names_of(tree) for module, tree in trees.items()}
        found = 0
        for module, tree in trees.items():
            for used, name in sorted(uses_of(tree, set(trees))):
                with self.subTest(module=module):
                    self.assertIn(name, names[used], f"{module}.py uses {used}.{name}")
                found += 1
        self.assertGreater(found, 50)


if __name__ == "__main__":
    unittest.main()
