"""Do the plan's forecasts hold? Each set is forecast from the others, and compared with what was measured there.

    python benchmarks/forecasts.py

For each technique: how far the forecast gain over a head on the frozen base was off, its direction, and how often the
gain lay in the forecast's 95% interval; then what it would cost to take the technique with the best forecast. Reads
what ships (`afina.measured`); trains nothing.
"""

from statistics import fmean

from afina import forecasting, measured

TABLES = {"8 or 64 rows a class": measured.FEW, "1,000 rows": measured.MORE}


def main() -> None:
    """Print the tables."""
    for title, table in TABLES.items():
        sets = sorted({draw.partition(",")[0] for draw in table})
        print(f"\n{title}, {len(sets)} sets\n\n| technique | off by, mean | bias | inside the interval | its width |")
        print("|---|---|---|---|---|")
        for technique in (name for name in measured.TECHNIQUES if name != forecasting.HEAD):
            row(technique, table, sets)
        taken(table, sets)


def row(technique: str, table: measured.Table, sets: list[str]) -> None:
    """One technique, each set forecast from the others."""
    errors, inside, widths = [], [], []
    for name in sets:
        own, others = parted(table, name)
        gains = forecasting.differences(own, technique, forecasting.HEAD)
        said = forecasting.score("gain", forecasting.differences(others, technique, forecasting.HEAD))
        for gain in gains if said else ():
            errors.append(gain - said.value)
            inside.append(said.low <= gain <= said.high)
            widths.append(said.high - said.low)
    if errors:
        off = fmean(map(abs, errors))
        print(
            f"| {technique} | {off:.1f} | {fmean(errors):+.1f} | {sum(inside)} of {len(inside)} | {fmean(widths):.1f} |"
        )


def taken(table: measured.Table, sets: list[str]) -> None:
    """The mean and worst regret of the best forecast, where its set took no part in it."""
    regrets = []
    for name in sets:
        own, others = parted(table, name)
        for scores in own.values():
            best = next((one for one in forecasting.ranked(others) if one in scores), None)
            if best:
                regrets.append(max(scores.values()) - scores[best])
    print(f"\nthe best forecast is behind the best technique by {fmean(regrets):.1f}, at worst {max(regrets):.1f}")


def parted(table: measured.Table, name: str) -> tuple[measured.Table, measured.Table]:
    """The draws of one set, and of all others."""
    own = {draw: scores for draw, scores in table.items() if draw.partition(",")[0] == name}
    return own, {draw: scores for draw, scores in table.items() if draw not in own}


if __name__ == "__main__":
    main()
