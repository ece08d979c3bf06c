"""Small files, small functions, fast start. An exception is one line here, with its reason."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from afina import shelf

ROOT = Path(__file__).parent.parent / "src" / "afina"
FILE, FUNCTION, ARGUMENTS = 300, 50, 6
EXCEPTIONS = {
    "cli.py:command": "an option of a command is an argument of its function",
    "cli.py:check": "an option of a command is an argument of its function",
    "cli.py:plan": "an option of a command is an argument of its function",
}
LONG_FILES = {"records.py": "all records of the program stand in one file: it is the architecture"}
FILES = sorted(ROOT.rglob("*.py"))


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_small(path):
    assert path.name in LONG_FILES or len(path.read_text(encoding="utf-8").splitlines()) <= FILE
    for node in functions(path):
        name = f"{path.name}:{node.name}"
        assert node.end_lineno - node.lineno + 1 <= FUNCTION, name
        if name not in EXCEPTIONS:
            assert len(node.args.args) + len(node.args.kwonlyargs) <= ARGUMENTS, name


def test_help_needs_no_heavy_library():
    program = (
        "import sys\nsys.argv = ['afina', '--help']\nfrom afina.cli import main\ntry:\n    main()\nexcept SystemExit:\n"
    )
    program += "    pass\nprint(sorted({m.split('.')[0] for m in sys.modules} & set(sys.argv[1:] + HEAVY)))"
    heavy = "HEAVY = ['torch', 'transformers', 'numpy', 'sklearn', 'scipy', 'pydantic', 'onnxruntime', 'peft']\n"
    done = subprocess.run([sys.executable, "-c", heavy + program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_checking_data_needs_no_torch():
    program = "import sys\nimport afina.stages.corpus, afina.config\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_importing_the_package_does_nothing():
    program = "import os, sys\nbefore = dict(os.environ)\nimport afina\n"
    program += "print(before == dict(os.environ), 'torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True False False\n"


@pytest.mark.parametrize("name", shelf.shelves())
def test_every_module_on_a_shelf_says_what_it_is(name):
    for module in shelf.names(name):
        assert shelf.summary(name, module), f"{name}/{module} has no docstring"
