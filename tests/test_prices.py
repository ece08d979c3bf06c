"""Price tables: the one that ships, the user's own, and faults in them."""

from datetime import date

import pytest

from afina import prices
from afina.errors import DataError
from afina.prices import Price


def test_the_table_that_ships_says_where_each_price_is_from_and_of_when():
    table = prices.read()
    assert table.source.startswith("https://github.com/aws/")
    assert table.published == date(2026, 2, 9)
    assert len({price.instance for price in table.lines}) == len(table.lines) == 9
    assert all(0.01 < price.usd_per_hour < 1 and price.vcpu == 2 and price.memory_gib for price in table.lines)
    assert {price.instance for price in table.lines if price.burstable} == {"t3.medium", "t4g.medium"}


def test_a_table_is_old_after_90_days():
    table = prices.read()
    assert table.age(date(2026, 5, 10)) == ""  # 90 days
    assert "91 days old" in table.age(date(2026, 5, 11))
    assert "not yet" in table.age(date(2026, 2, 8))
    assert "no date" in prices.Prices(table.lines, None, "").age(date(2026, 5, 10))


def test_one_table_in_three_forms(tmp_path):
    texts = {
        "own.csv": "instance,usd_per_hour,vcpu,burstable,published,source\n"
        "máquina,0.5,8,,2026-10-01,la factura\nother,1,,true,2026-09-01,la factura\n",
        "own.json": '{"published": "2026-09-01", "source": "la factura", "instances": ['
        '{"instance": "máquina", "usd_per_hour": 0.5, "vcpu": 8},'
        '{"instance": "other", "usd_per_hour": "1", "burstable": true}]}',
        "own.yaml": "published: 2026-09-01\nsource: la factura\ninstances:\n"
        "- {instance: máquina, usd_per_hour: 0.5, vcpu: 8}\n- {instance: other, usd_per_hour: 1, burstable: yes}\n",
    }
    lines = (Price("máquina", 0.5, 8), Price("other", 1.0, burstable=True))
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert prices.read(tmp_path / name) == prices.Prices(lines, date(2026, 9, 1), "la factura")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "instance,usd_per_hour\n", "holds no prices"),
        ("a.csv", "instance,usd_per_hour\nx,cheap\n", "entry 1: usd_per_hour is 'cheap'"),
        ("a.csv", "instance,usd_per_hour\nx,0\n", "not a number above 0"),
        ("a.csv", "instance,usd_per_hour\nx,nan\n", "not a number above 0"),
        ("a.csv", "instance,price\nx,1\n", "lacks the columns 'usd_per_hour'; it has 'instance', 'price'"),
        ("a.csv", "machine,usd_per_hour\nx,1\n", "lacks the columns 'instance'; it has 'machine', 'usd_per_hour'"),
        (
            "a.csv",
            "instance;usd_per_hour\nx;1\n",
            "(?s)'instance' and 'usd_per_hour'; it has 'instance;usd.*with commas",
        ),
        ("A.CSV", "instance,usd_per_hour\nx,cheap\n", "entry 1: usd_per_hour is 'cheap'"),
        ("a.csv", "instance,usd_per_hour\n,1\n", "no instance is named"),
        ("a.csv", "instance,usd_per_hour,published\nx,1,May 2026\n", "not written as"),
        ("a.json", "[1, 2]", "holds no prices"),
        ("a.json", '{"instances": [1]}', "entry 1: no instance"),
        ("a.json", "{", "no JSON"),
        ("a.yaml", "", "holds no prices"),
    ],
)
def test_a_fault_in_a_table_is_told_with_its_place(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said):
        prices.read(tmp_path / name)


def test_a_table_that_is_not_there_is_told_with_the_nearest_that_is(tmp_path):
    (tmp_path / "prices.csv").write_text("")
    with pytest.raises(DataError, match=r"(?s)there is no file .*did you mean '.*prices\.csv'"):
        prices.read(tmp_path / "price.csv")
