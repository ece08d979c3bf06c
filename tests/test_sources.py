"""What the lines of a plan rest on can be looked up."""

import re
from pathlib import Path

import pytest

from afina import sources

ROOT = Path(__file__).parent.parent
FILES = {"LOG.md": ROOT / "LOG.md", "RESULTS.md": ROOT / "benchmarks" / "RESULTS.md"}
NAMED = [named for one in sources.SOURCES.values() for named in re.findall(r"(LOG\.md|RESULTS\.md), ([^;:]+)", one)]


@pytest.mark.parametrize(("file", "title"), sorted(set(NAMED)))
def test_a_section_that_is_named_as_a_source_is_there(file, title):
    headings = re.findall(r"^## (?:[0-9-]+ )?(.*)$", FILES[file].read_text(encoding="utf-8"), re.MULTILINE)
    assert any(heading.startswith(title) for heading in headings)
