import pytest

from afina import config
from afina.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1 h 30 min", 5400), ("20ms", 0.02), ("2.5h", 9000)],
)
def test_a_time_is_written_as_people_do(written, seconds):
    assert config.build({}, [f"time_limit={written}"]).train.time_limit == pytest.approx(seconds)


def test_a_run_file_may_hold_limits_and_keeps_them_as_numbers():
    run = config.build({"train": {"memory_limit": "4GB", "disk_limit": "500 MB", "size_limit": 2e7}})
    assert (run.train.memory_limit, run.train.disk_limit, run.train.size_limit) == (4e9, 5e8, 2e7)
    assert "memory_limit: 4000000000.0" in config.dump(run)


@pytest.mark.parametrize("written", ["10 apples", "m", "-5s", "0", "10m and more", "4GB"])
def test_what_is_no_time_says_how_one_is_written(written):
    with pytest.raises(ConfigError, match="time_limit") as caught:
        config.build({}, [f"time_limit={written}"])
    assert "1h30m" in caught.value.found or "greater than 0" in caught.value.found
