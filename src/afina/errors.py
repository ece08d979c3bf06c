"""Everything this package raises on purpose.

AfinaError
├── ConfigError     the run file or the command line asks for something that cannot be done
├── DataError       a file or a row of the corpus is wrong; names the file and the line
│   └── NoRows      a file has nothing in it; whoever wanted it says better what should be
├── RecordError     a file that an earlier stage should have written is missing or altered
├── GateError       a model was asked to go further than its measurements allow
├── MachineError    the disk, the memory or the processor cannot do it
├── MissingExtra    an optional dependency is not installed
└── Interrupted     a signal arrived; the work done so far is saved

Each takes two sentences: what was found, and what to do about it. There is no way to raise one
without the second. A bug is never one of these: it stays a plain exception with its traceback.
"""


class AfinaError(Exception):
    """Base of all deliberate errors; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(f"{found}\n  fix: {fix}")
        self.found = found
        self.fix = fix


class ConfigError(AfinaError):
    """The run file or the command line asks for something that cannot be done."""


class DataError(AfinaError):
    """A file or a row of the corpus is wrong."""


class NoRows(DataError):
    """A file has nothing in it. The fix is that of labelled rows: who reads something else writes its own."""


class RecordError(AfinaError):
    """A file that an earlier stage should have written is missing or altered."""


class GateError(AfinaError):
    """A model was asked to go further than its measurements allow."""

    exit_code = 3


class MachineError(AfinaError):
    """The disk, the memory or the processor cannot do it."""


class MissingExtra(AfinaError):
    """An optional dependency is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"this needs the package {module!r}, which is not installed", f"pip install 'afina[{extra}]'")


class Interrupted(AfinaError):
    """A signal arrived; what was done so far is saved."""

    def __init__(self, found: str, fix: str, exit_code: int) -> None:
        super().__init__(found, fix)
        self.exit_code = exit_code
