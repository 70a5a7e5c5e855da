"""A model of the Hub: its config.json and the headers of its safetensors files, through huggingface_hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..architectures import read_config
from ..errors import InputError
from ..files.plain_json import read_json
from ..model_shape import ModelShape
from .safetensors_files import BITS, HeaderEntry
from .stored import with_stored

PREFIX = "hub:"
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
LARGEST_CONFIG = 4 * 2**20
SECONDS = 20.0


def is_hub_name(name: str) -> bool:
    """Whether a name has the form `hub:organisation/model` or `organisation/model`."""
    return name.startswith(PREFIX) or NAME.fullmatch(name) is not None


def read_hub(name: str) -> ModelShape:
    """The model of a Hub name. Only config.json and headers are fetched; HF_ENDPOINT, HF_TOKEN and the cache count.

    The config is read from the local cache where the Hub cannot be reached. A repository without safetensors gives
    the bytes that its config says. Raises InputError for a name that is unknown, gated or out of reach.
    """
    repository = name.removeprefix(PREFIX)
    if not NAME.fullmatch(repository):
        raise InputError(f"model: {name!r:.100} is no Hub name; write organisation/model")
    if find_spec("huggingface_hub") is None:
        raise InputError(
            f"model: {repository} is no preset, and huggingface_hub, which would fetch it, is not installed; "
            "pip install huggingface_hub, or give the path of a config.json"
        )
    path, reached = _download(repository)
    shape = read_config(_config(repository, path), f"{repository}/config.json")
    entries = _headers(repository) if reached else ()
    return with_stored(shape, entries) if entries else shape


def _config(repository: str, path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > LARGEST_CONFIG:
        raise InputError(f"{repository}/config.json: larger than {LARGEST_CONFIG // 2**20} MiB; check the name")
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError:
        raise InputError(f"{repository}/config.json: not a text in UTF-8; give a model's config.json") from None
    found = read_json(text, f"{repository}/config.json", "give a model's config.json", infinite=True)
    if not isinstance(found, dict):
        raise InputError(f"{repository}/config.json: expected a mapping of keys; give a model's config.json")
    return found


def _download(repository: str) -> tuple[Path, bool]:
    """The config.json in the local cache, fetched if it is newer on the Hub, and whether the Hub was reached."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        try:
            size = get_hf_file_metadata(hf_hub_url(repository, "config.json"), timeout=SECONDS).size or 0
            reached = True
        except (EntryNotFoundError, RepositoryNotFoundError):
            raise
        except Exception:  # the client's transport errors belong to the HTTP library that it happens to use
            size, reached = 0, False
        if size > LARGEST_CONFIG:
            raise InputError(f"{repository}/config.json: larger than {LARGEST_CONFIG // 2**20} MiB; check the name")
        path = hf_hub_download(repository, "config.json", etag_timeout=SECONDS, local_files_only=not reached)
        return Path(path), reached
    except InputError:
        raise
    except GatedRepoError:
        raise InputError(
            f"model: {repository} is gated on the Hub; accept its terms there and set HF_TOKEN, or give a config.json"
        ) from None
    except RepositoryNotFoundError:
        raise InputError(
            f"model: {repository} is neither a preset nor found on the Hub; check the name, or set HF_TOKEN if it is private"
        ) from None
    except LocalEntryNotFoundError:
        raise _unreachable(repository) from None
    except EntryNotFoundError:
        raise InputError(f"model: {repository} has no config.json on the Hub; give one of its GGUF files") from None
    except Exception:  # as above
        raise _unreachable(repository) from None


def _headers(repository: str) -> tuple[HeaderEntry, ...]:
    """Every tensor of the repository; empty where it has no safetensors files or the Hub is out of reach."""
    from huggingface_hub import get_safetensors_metadata
    from huggingface_hub.errors import SafetensorsParsingError
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        found = get_safetensors_metadata(repository, timeout=SECONDS)
    except SafetensorsParsingError:
        raise InputError(f"{repository}: a safetensors header cannot be read; give a config.json instead") from None
    except Exception:  # no such files, or out of reach: the config says what it says
        return ()
    finally:
        if shown:
            enable_progress_bars()
    entries = []
    for file in found.files_metadata.values():
        for name, tensor in file.tensors.items():
            if tensor.dtype not in BITS:
                known = ", ".join(BITS)
                raise InputError(
                    f"{repository} › {name:.80} › dtype: {tensor.dtype!r:.40} is not understood; known: {known}"
                )
            entries.append(HeaderEntry(name, tensor.dtype, tuple(tensor.shape)))
    return tuple(entries)


def _unreachable(repository: str) -> InputError:
    return InputError(
        f"model: {repository} is no preset, and the Hub cannot be reached; check the connection and HF_ENDPOINT, "
        "or give the path of a config.json"
    )
