"""What every quantizer on the shelf promises. Modules are found, never listed."""

import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import onnx
import processes
import pytest
import tiny

from afina import shelf
from afina.errors import MachineError, RecordError
from afina.predictors import onnx as predictor

MODULES = [shelf.load("quantizers", name) for name in shelf.names("quantizers")]
every = pytest.mark.parametrize("quantizer", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])


@pytest.fixture
def made(tiny_bert, tmp_path):
    """A copy of the exported tiny model, so that files may be added."""
    done = tiny.exported(tiny_bert)
    for path in done.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return done._replace(folder=tmp_path)


@every
def test_a_trained_model_keeps_nearly_all_its_labels(quantizer, made):
    quantizer.quantize(made.folder / "model.onnx", made.folder / "small.onnx")
    texts = [row.input for row in made.corpus.test]
    before = predictor.load(made.folder)(texts)
    after = predictor.load(made.folder, "small.onnx")(texts)
    truth = [tiny.LABELS.index(row.label) for row in made.corpus.test]
    assert (before.argmax(1) == truth).mean() > 0.95, "the model that stands in for a real one was not trained"
    assert (before.argmax(1) == after.argmax(1)).mean() >= 0.95


@every
def test_the_file_is_smaller(quantizer, made):
    source, target = made.folder / "model.onnx", made.folder / "small.onnx"
    before = source.read_bytes()
    quantizer.quantize(source, target)
    assert target.stat().st_size < len(before)
    assert source.read_bytes() == before


@every
def test_an_answer_does_not_depend_on_what_else_is_asked(quantizer, made):
    quantizer.quantize(made.folder / "model.onnx", made.folder / "small.onnx")
    score = predictor.logits(made.folder, "small.onnx")
    texts = [row.input for row in made.corpus.test[:40]]
    alone = np.concatenate([score([text]) for text in texts])
    np.testing.assert_allclose(alone, score(texts), atol=1e-4)


@every
def test_no_path_and_no_note_is_inside(quantizer, made):
    quantizer.quantize(made.folder / "model.onnx", made.folder / "small.onnx")
    content = (made.folder / "small.onnx").read_bytes()
    assert not re.search(rb"/home/|/root|/usr/|/tmp|/work|site-packages|\.py\b|[A-Z]:\\\\", content)
    assert onnx.load(made.folder / "small.onnx").graph.doc_string == ""


@every
def test_nothing_half_made_is_left_where_the_disk_is_full(quantizer, made):
    """The limit is a file size that the process may not pass, so the error comes from the system itself."""
    program = (
        "import resource, signal, sys; from pathlib import Path; import importlib\n"
        f"quantizer = importlib.import_module({quantizer.__name__!r})\n"
        "from afina.errors import MachineError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try: quantizer.quantize(Path('model.onnx'), Path('small.onnx'))\n"
        "except MachineError as error: sys.exit(error.fix)\n"
    )
    before = sorted(path.name for path in made.folder.iterdir())
    done = processes.copied("-c", program, cwd=made.folder)
    assert "disk space" in done.stderr, done.stderr
    assert sorted(path.name for path in made.folder.iterdir()) == before


@every
def test_a_file_that_is_no_model_is_named(quantizer, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not a model at all")
    for source in ("model.onnx", "missing.onnx"):
        with pytest.raises(RecordError, match=source):
            quantizer.quantize(tmp_path / source, tmp_path / "small.onnx")
    assert not (tmp_path / "small.onnx").exists()


@every
def test_a_folder_that_is_not_there_is_a_machine_error(quantizer, made):
    with pytest.raises(MachineError, match="could not be written"):
        quantizer.quantize(made.folder / "model.onnx", made.folder / "no" / "small.onnx")


@every
def test_says_what_it_does_and_where_it_comes_from(quantizer):
    document = quantizer.__doc__
    assert all(word in document for word in ("Size:", "Cost:", "Source:", "does not"))


def test_rungs_have_an_order_without_ties():
    orders = sorted(module.ORDER for module in MODULES)
    assert all(first < second for first, second in pairwise(orders))


def test_the_shelf_needs_no_torch():
    program = (
        "import sys; from afina import shelf\n"
        "for name in shelf.names('quantizers'): shelf.load('quantizers', name)\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
