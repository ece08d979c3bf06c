import pytest

from afina import yamlfile
from afina.errors import ConfigError

HOSTILE = {
    "a tag": "seed: !!python/object/apply:os.system ['true']",
    "an alias": "corpus: &a {train_file: x}\nmodel: *a",
    "a key twice": "seed: 1\nseed: 2",
    "no mapping": "- 1\n- 2",
    "no YAML": "seed: [1",
    "a tab": "corpus:\n\ttrain_file: x",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_and_broken_yaml_is_an_error_and_nothing_runs(tmp_path, content):
    (tmp_path / "run.yaml").write_text(content)
    with pytest.raises(ConfigError):
        yamlfile.read(tmp_path / "run.yaml")


def test_a_missing_run_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="afina init"):
        yamlfile.read(tmp_path / "run.yaml")


def test_an_empty_file_is_an_empty_mapping_and_a_byte_order_mark_is_no_part_of_a_key(tmp_path):
    (tmp_path / "run.yaml").write_text("# nothing yet\n")
    assert yamlfile.read(tmp_path / "run.yaml") == {}
    (tmp_path / "run.yaml").write_text("\ufeffseed: 3\n", encoding="utf-8")
    assert yamlfile.read(tmp_path / "run.yaml") == {"seed": 3}
