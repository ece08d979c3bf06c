import builtins
import json
import platform
from importlib import metadata
from pathlib import Path

import pytest

from afina import machine


def installed(monkeypatch, **changed):
    """This installation, but for these packages: another version, or None for none."""
    real = metadata.version

    def version(name):
        found = changed.get(name, real(name) if name not in changed else None)
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)


def test_what_it_says_is_true_here_and_survives_json():
    facts = machine.describe()
    assert facts["python"] == platform.python_version()
    assert facts["versions"]["numpy"] == metadata.version("numpy")
    assert facts["cores"] >= 1
    assert facts["memory"]["free GB"] > 0
    assert facts["disk"]["free GB"] >= 0
    assert json.loads(json.dumps(facts)) == facts


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch):
    installed(monkeypatch, peft=None, onnxscript=None)
    facts = machine.describe()
    assert facts["missing"]["train"] == "pip install 'afina[train]'  # peft, onnxscript"
    assert "peft" not in facts["versions"]


def test_every_named_extra_and_package_is_one_of_the_project_s():
    """The command that is printed must be one that pip understands."""
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    words = {name: " ".join(lines) for name, lines in project["optional-dependencies"].items()}
    for extra, names in machine.EXTRAS.items():
        assert all(name in words[extra] for name in names)
    core = " ".join(project["dependencies"])
    assert all(name in core for name in machine.CORE)
    for name, (major, minor) in machine.FLOORS.items():
        assert f"{name}>={major}.{minor}" in words["train"]


@pytest.mark.parametrize(
    ("torch", "transformers", "old"),
    [
        ("2.10.0", "5.3.0", set()),
        ("2.9.1+cpu", "5.3.0", {"torch"}),
        ("2.10.0+cu126", "5.2.9", {"transformers"}),
        ("2.9.0", "4.57.0", {"torch", "transformers"}),
        ("3.0.0", "10.0", set()),
        (None, None, set()),  # what is missing is not old
    ],
)
def test_what_is_below_a_floor_is_too_old_by_number_and_not_by_letter(monkeypatch, torch, transformers, old):
    installed(monkeypatch, torch=torch, transformers=transformers)
    found = machine.describe()["too old"]
    assert found == {name: f"pip install --upgrade {name}" for name in old}


def test_without_torch_the_device_is_the_processor_and_nothing_is_imported(monkeypatch):
    installed(monkeypatch, torch=None)
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        assert name != "torch"
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert machine.describe()["devices"] == "cpu (torch is not installed)"


def test_of_the_processor_s_instruction_sets_those_that_matter_are_named_whole(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("flags : fpu sse avx2 avx512f_not avx_vnni\n")
    monkeypatch.setattr(machine, "Path", lambda name: tmp_path / Path(name).name)
    assert machine._features() == "avx2 avx_vnni"
    (tmp_path / "cpuinfo").unlink()
    assert machine._features() == "not known"
