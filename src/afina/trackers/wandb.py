"""Weights & Biases: a run with its settings, scores, curves, hashes and files, and a dashboard of all dimensions.

Online where WANDB_API_KEY is set, else written offline to the folder wandb beside the run folder, for `wandb sync`;
nothing is ever asked for. To the project 'afina', or WANDB_PROJECT; WANDB_MODE=offline and disabled are heeded. A run
that is sent again has the same id: offline its earlier files are replaced, online it is updated.

Online the dashboard is saved as a view of the project; offline each dimension has a chart in the section 'dimensions',
which Weights & Biases makes of the names.
Unit: those of the records. Cost: some 3 s offline.

What it does not do: follow a run that is not over, or send texts of rows, code, git, console or machine. What the
server makes of the dashboard was never tried: its JSON is tested, and where saving it fails, the run is there.

Source: wandb 0.31, "Run an experiment offline"; wandb-workspaces 0.4.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from afina import envvars
from afina.records import Finished
from afina.wording import sentence, word

NEEDS = ("wandb", "wandb_workspaces")
QUIET = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false", "WANDB_CONSOLE": "off"}
VIEW = "afina: all dimensions"
ID = 32  # characters of the run's id; Weights & Biases takes 128


def send(finished: Finished) -> str:
    """Create or update the run; online also the dashboard."""
    mode = _mode()
    if mode == "disabled":
        return "nothing is sent: WANDB_MODE is disabled"
    folder, own = finished.folder.absolute().parent, finished.id[:ID]
    earlier = set((folder / "wandb").glob(f"*run-*-{own}"))  # of the same run, sent before
    kept = {name: str(folder / "wandb" / f"data-{own}") for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR")}
    with envvars.given({**QUIET, **kept}):  # else in the user's home
        written, url, entity, project = _put(finished, folder, mode)
        for older in earlier - {written}:  # only now, for what cannot be written replaces nothing
            shutil.rmtree(older, ignore_errors=True)
        if mode == "online":
            return f"{url}{_saved(finished, entity, project)}"
    return f"written offline; 'wandb sync {written}' sends it"


def dashboard(finished: Finished, entity: str = "", project: str = "afina") -> Any:
    """A workspace of Weights & Biases: a chart for each dimension over all runs, then curves and scores by stage."""
    import wandb_workspaces.reports.v2 as panels
    import wandb_workspaces.workspaces as workspaces

    def bars(name: str) -> Any:
        title = sentence(word(name.partition("/")[2]))
        return panels.BarPlot(title=title, metrics=[name], orientation="h")

    known = [name for name in finished.metrics if not name.endswith(("_low", "_high"))]
    lines = [panels.LinePlot(title=name, x="Step", y=[name]) for name in finished.curves]
    stages = dict.fromkeys(name.partition("/")[0] for name in known if not name.startswith("dimensions/"))
    charts = {"dimensions": [bars(name) for name in known if name.startswith("dimensions/")], "curves": lines}
    charts |= {stage: [bars(name) for name in known if name.startswith(f"{stage}/")] for stage in stages}
    sections = [
        workspaces.Section(name=name, panels=drawn, is_open=name in ("dimensions", "curves"))
        for name, drawn in charts.items()
        if drawn
    ]
    return workspaces.Workspace(entity=entity, project=project, name=VIEW, sections=sections)


def _mode() -> str:
    """online, offline or disabled. Without a key in the environment it would ask for one."""
    wanted = os.environ.get("WANDB_MODE") or "online"
    return wanted if wanted != "online" or os.environ.get("WANDB_API_KEY") else "offline"


def _put(finished: Finished, folder: Path, mode: Any) -> tuple[Path, str, str, str]:
    """Where it was written, and its address, entity and project, which are empty offline."""
    import wandb

    unasked = {"x_disable_meta": True, "x_disable_stats": True, "x_disable_machine_info": True, "disable_git": True}
    unasked |= {"disable_code": True, "save_code": False, "x_save_requirements": False, "silent": True}
    run = wandb.init(
        id=finished.id[:ID],
        name=finished.name,
        project=os.environ.get("WANDB_PROJECT") or "afina",
        group=finished.data,
        config={**finished.params, "sha256": dict(finished.hashes), "scored": finished.scored},
        mode=mode,
        dir=str(folder),
        resume="allow",
        reinit="create_new",
        settings=wandb.Settings(console="off", host="", **unasked),
    )
    steps: dict[int, dict[str, float]] = {}
    for name, line in finished.curves.items():
        for step, value in line:
            steps.setdefault(step, {})[name] = value
    last = max(steps, default=0) + 1
    steps[last] = {**finished.metrics, **{f"seconds/{stage}": took for stage, took in finished.seconds.items()}}
    for step in sorted(steps):
        run.log(steps[step], step=step)
    report = wandb.Artifact(f"report-{finished.id[:ID]}", type="report")
    for name, text in finished.files.items():
        with report.new_file(name, mode="w", encoding="utf-8") as file:
            file.write(text)
    run.log_artifact(report)
    run.finish()
    return Path(run.dir).parent, run.url or "", run.entity or "", run.project or ""


def _saved(finished: Finished, entity: str, project: str) -> str:
    """Save the dashboard; what there is to say about it."""
    try:
        return f"; dashboard: {dashboard(finished, entity, project).save().url}"
    except Exception as error:
        return f"; its dashboard could not be saved ({type(error).__name__})"
