"""What several commands take: their arguments and options, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Argument(help="CSV, TSV, JSONL, Parquet or CoNLL, also gzipped", show_default=False)]
Input = Annotated[Path, typer.Argument(help="a data file, or a run file (.yaml)", show_default=False)]
Finished = Annotated[Path, typer.Argument(help="the folder of a finished run", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Argument(help="key=value, as many as you like", show_default=False)]
Test = Annotated[Path | None, typer.Option(help="rows for the final scores", show_default=False)]
Dev = Annotated[Path | None, typer.Option(help="rows for choices", show_default=False)]
Model = Annotated[str | None, typer.Option(help="a hub id, a folder, or 'bundled'", show_default=False)]
TextColumn = Annotated[str | None, typer.Option("--text", help="column of the texts", show_default=False)]
LabelColumn = Annotated[str | None, typer.Option("--label", help="column of the labels", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="the run folder", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="end with one JSON document on the last line")]
