"""General language is embedded once a base; what cannot be kept or read is worked out again."""

import shutil

import numpy as np
import pytest

from afina import bases, samples, sketches

TEXTS = ["where is my card", "my doctor is late"]


class Counting:
    """A stand-in for a base that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, texts):
        self.asked += 1
        return np.array([[len(text), text.count("a")] for text in texts], np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AFINA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opened(make_base):
    return bases.open_base(str(make_base("bert")))


def test_what_was_embedded_once_is_read_by_the_next_one_and_is_the_same(opened, cache):
    first, second = Counting(), Counting()
    vectors = sketches.remembered(opened, first)(TEXTS)
    assert (sketches.remembered(opened, second)(TEXTS) == vectors).all()
    assert (first.asked, second.asked) == (1, 0)
    assert [path.suffix for path in cache.iterdir()] == [".safetensors"]


def test_other_texts_and_another_base_have_files_of_their_own(opened, make_base, cache):
    other = bases.open_base(str(make_base("bert", 1)))
    for base, texts in ((opened, TEXTS), (opened, TEXTS[:1]), (other, TEXTS)):
        sketches.remembered(base, Counting())(texts)
    assert len(list(cache.iterdir())) == 3


def test_the_same_weights_with_another_tokenizer_have_a_file_of_their_own(opened, make_base, tmp_path, cache):
    folder = tmp_path / "grown"
    shutil.copytree(make_base("bert"), folder)
    file = folder / "tokenizer.json"
    file.write_text(file.read_text().replace('"doctor"', '"dentist"'))
    other = bases.open_base(str(folder))
    assert other.record.sha256 == opened.record.sha256
    for base in (opened, other):
        sketches.remembered(base, Counting())(TEXTS)
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_file_is_made_again(opened, cache):
    sketches.remembered(opened, Counting())(TEXTS)
    (path,) = cache.iterdir()
    path.write_bytes(path.read_bytes()[:20])
    again = Counting()
    assert sketches.remembered(opened, again)(TEXTS).shape == (2, 2)
    assert again.asked == 1
    sketches.remembered(opened, again)(TEXTS)
    assert again.asked == 1


def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(opened, cache):
    cache.write_text("a file where the folder should be")
    embed = Counting()
    for _ in range(2):
        assert sketches.remembered(opened, embed)(TEXTS).shape == (2, 2)
    assert embed.asked == 2


def test_the_folder_is_afinas_own_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("AFINA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert sketches.folder() == tmp_path / "afina"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert sketches.folder().parts[-2:] == (".cache", "afina")


def test_a_base_gives_the_same_vectors_from_the_file(opened):
    embed = samples.embedder(opened)
    for _ in range(2):
        assert sketches.remembered(opened, embed)(TEXTS) == pytest.approx(embed(TEXTS), abs=1e-6)
