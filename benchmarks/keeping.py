"""What benchmarks of many arms share: each figure is kept as soon as it is there, and means have a spread."""

import json
import os
import platform
import statistics
from datetime import date
from pathlib import Path
from typing import Any


def keep(path: Path, results: dict[str, Any]) -> None:
    """Write all results, with the date and the machine."""
    results["machine"] = {"date": str(date.today()), "python": platform.python_version(), "cores": os.cpu_count()}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def spread(values: list[float]) -> str:
    """Mean and standard deviation, as they stand in a table."""
    deviation = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{deviation}"
