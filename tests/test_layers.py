"""A module imports only from the rows above its own. The rows are the house's plan; see decisions/001."""

import ast
from pathlib import Path

from afina import shelf

ROOT = Path(__file__).parent.parent / "src" / "afina"
ROWS = [
    {"errors"},
    {"records"},
    {"words", "iob", "losses", "counting", "windows", "wording", "loading", "limits"},
    {*"textfile cells sameness metrics comparing features onnxfiles sampling probing baselines".split(" "), "masking"}
    | {"depths", "grouping", "readout", "triggers", "warmup", "waves", "svg", "interrupts", "looking", "judging"}
    | {"trimming", "pieces", "oversampling", "label_errors", "envvars", "evidence", "binomial", "halving"}
    | {"yamlfile", "general", "slips", "scarcity", "measured"},
    {"crossfit"},
    {"nearness", "spansets", "terms", "term_masking", "casing", "novelty", "leftout", "prompting", "lexicons", "glue"}
    | {"calibrating", "cka", "textgroups", "prices", "slices", "pseudo", "completions", "forecasting"},
    {"answering", "rewording", "refitting"},
    {"agreeing"},
    {"clocking", "serving", "entailing"},
    set(shelf.shelves()),
    {"shelf"},
    {"adapters", "cleaning", "keys", "arguments", "expecting", "released"},
    {"sources", "suites"},
    {"expanding"},
    {"checklist"},
    {"store", "tables", "columns", "splits", "bases", "heads", "timing", "export", "machine", "tasks", "encoding"}
    | {"staging", "recipes"},
    {"checkpoints", "watching", "maskedlm", "keeper", "asking", "rounds"},
    {"fitting", "config", "samples", "layers", "growing", "speakers"},
    {"glossaries", "filtering", "sketches", "unlabelled", "choosing"},
    {"policies", "retaining", "adapting", "augmenting", "planfile", "combining", "vocabulary", "balancing"}
    | {"old_tasks"},
    {"recalling"},
    {"costing", "preparing", "advice", "opening", "freezing", "pooling"},
    {"alone", "overriding", "trying"},
    {"stages"},
    {"identity", "figures", "panels", "inference", "before_training", "subjects", "racing"},
    {"story", "dataview", "dimensions", "paraphrasing"},
    {"report", "finished"},
    {"tracking", "aligning"},
    {"comparison", "champion"},
    {"pipeline"},
    {"screen", "twins"},
    {"commands"},
    {"cli"},
]
HEIGHT = {name: row for row, names in enumerate(ROWS) for name in names}


def imported(path: Path) -> list[str]:
    """First part below `afina` of everything that a file imports from it, wherever the import stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "afina":
                found += [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            found += [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("afina.")]
    return [name for name in found if name != "__version__"]


def wrong_imports(root: Path) -> list[str]:
    """Every import that goes sideways or down; a shelf's modules may not import each other either."""
    wrong = []
    for path in sorted(root.rglob("*.py")):
        here = path.relative_to(root).parts[0].removesuffix(".py")
        if here == "__init__":
            continue
        wrong += [
            f"{path.relative_to(root)} imports {there}" for there in imported(path) if HEIGHT[there] >= HEIGHT[here]
        ]
    return wrong


def test_each_module_imports_only_from_the_rows_above():
    assert wrong_imports(ROOT) == []


def test_a_planted_violation_is_found(tmp_path):
    (tmp_path / "records.py").write_text("from afina import store\n")
    (tmp_path / "techniques").mkdir()
    (tmp_path / "techniques" / "x.py").write_text("def f():\n    from afina.techniques import lora\n")
    assert wrong_imports(tmp_path) == ["records.py imports store", "techniques/x.py imports techniques"]


def test_only_one_file_names_the_trainer():
    naming = [path.name for path in ROOT.rglob("*.py") if "Trainer" in imported_names(path)]
    assert naming == ["fitting.py"]


def imported_names(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
