"""Programs as a person or a script starts them, in a second of the cost: copies of this process.

A fresh Python imports torch and transformers for seconds; a copy of the process of the tests has them. It has its own
memory, place, output and exit code all the same. What is said of a fresh process (which modules it loads, how it
starts) needs one: `fresh`.
"""

import os
import runpy
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import IO


def fresh(*words, cwd=None, **environment):
    """Run `python WORDS`."""
    variables = {**os.environ, **environment}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=variables, check=False)


def copied(*words, cwd=None, **environment):
    """The same in a copy of this process; words begin with -m MODULE, -c PROGRAM or a file."""
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_initialized():
        return fresh(*words, cwd=cwd, **environment)  # an accelerator cannot be copied
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(list(map(str, words)), cwd, environment, (out, err))
        _, status = os.waitpid(child, 0)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), *said)


def _become(words: list[str], cwd: Path | None, environment: dict[str, str], files: tuple[IO, IO]) -> None:
    """Be that program and end."""
    code: object = 1
    try:
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
        os.chdir(cwd or ".")
        os.environ.update(environment)
        warnings.simplefilter("ignore")  # that of the tests makes errors of them
        _execute(words)
        code = 0
    except SystemExit as stopped:
        code = stopped.code or 0
        sys.stderr.write(code if isinstance(code, str) else "")
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def _execute(words: list[str]) -> None:
    kind, name = words[:2] if words[0] in ("-m", "-c") else ("", words[0])
    sys.argv = ["-c" if kind == "-c" else name, *words[2 if kind else 1 :]]
    if kind == "-m":
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    elif kind == "-c":
        exec(compile(name, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    else:
        runpy.run_path(name, run_name="__main__")
