"""Fold LoRA weights into the base model, shard by shard, with little of it in memory.

While it runs everything lies in a folder beside the one that is wanted, with a record of what the
merge is of and which shards are done; whole shards are kept when it starts again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from sqlforge.core.errors import StorageError, UserError
from sqlforge.core.files import make_folder, sha256, storing, write_json, write_text
from sqlforge.model.checkpoint import SINGLE, Shard, open_checkpoint
from sqlforge.model.fold import Adapter, MergeBase, open_adapter, quantised_weights, through_nf4
from sqlforge.model.load import Source, load_tokenizer, pick_device, resolve
from sqlforge.model.merge import base_of
from sqlforge.model.shards import INDEX, as_written, read_from, write_shard

Progress = Callable[[int, int], None]
_RECORD = ".merge.json"
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def merge(
    adapter: Path,
    out: Path,
    *,
    base: MergeBase = "bf16",
    dtype: Literal["bfloat16", "float32"] = "bfloat16",
    device: str = "cpu",
    recipe: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the merged model to ``out`` as safetensors that plain transformers and vLLM load.

    One tensor is in memory at a time. Shards are those of the base model; tokenizer, chat
    template, configuration and generation defaults come along.

    Args:
        adapter: a LoRA adapter's folder; it names its base.
        out: a folder that does not exist.
        base: what the adapter is added to: the base's own weights, or, ``dequantised``, those that
            an adapter trained on 4 bits was trained on.
        dtype: of the merged weights.
        device: where the sums are done.
        recipe: the text of a ``recipe.yaml`` that is to lie in ``out``.
        progress: called with (bytes done, bytes in all).

    Raises:
        UserError: ``out`` exists, or is being written by another process.
        ModelError: no adapter, or its base cannot be had.
        StorageError: ``out`` cannot be written; what is done is kept for the next time.
    """
    refuse_to_overwrite(out)
    source = resolve(base_of(adapter))
    job = _Job(
        source=source,
        shards=open_checkpoint(source),
        adapter=open_adapter(adapter),
        four_bit=quantised_weights(source) if base == "dequantised" else frozenset(),
        dtype=_DTYPES[dtype],
        device=pick_device(device),
    )
    weights = {name: stored for shard in job.shards for name, stored in shard.tensors.items()}
    job.adapter.check({name: stored.shape for name, stored in weights.items()}, source.name)
    with _working_folder(out) as folder, storing(out):
        done = _done_before(folder, job, base)
        _check_room(folder, job)
        for shard in _with_progress(job, progress):
            if shard.path.name not in done:
                done[shard.path.name] = job.write(shard, folder)
                _note(folder, job, base, done)
        _write_index(folder, job)
        _write_companions(folder, job)
        if recipe is not None:
            write_text(folder / "recipe.yaml", recipe)
        (folder / _RECORD).unlink()
        refuse_to_overwrite(out)
        folder.rename(out)


def refuse_to_overwrite(out: Path) -> None:
    """Raise :class:`UserError` where something is at ``out`` already."""
    if out.exists():
        raise UserError(
            f"{out}, which exists already",
            "a folder that does not, since a merge overwrites nothing",
            "remove it, or choose another --out",
        )


@dataclass(frozen=True, slots=True)
class _Job:
    source: Source
    shards: tuple[Shard, ...]
    adapter: Adapter
    four_bit: frozenset[str]
    dtype: torch.dtype
    device: str

    def write(self, shard: Shard, folder: Path) -> str:
        """Write one merged shard under a temporary name, rename it, and return its SHA-256."""
        temporary = folder / f".{shard.path.name}.tmp"
        layout = as_written(shard.tensors, self.dtype)
        digest = write_shard(temporary, layout, self._merged(shard))
        temporary.rename(folder / shard.path.name)
        return digest

    def _merged(self, shard: Shard) -> Iterator[tuple[str, torch.Tensor]]:
        with shard.path.open("rb", buffering=0) as file:
            for name, stored in shard.tensors.items():
                yield name, self._one(name, read_from(file, shard.path, stored))

    def _one(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point():
            return tensor
        tensor = tensor.to(self.dtype)
        if name in self.four_bit:
            tensor = through_nf4(tensor, self.device)
        return self.adapter.added(name, tensor, self.device)


def _with_progress(job: _Job, progress: Progress | None) -> Iterator[Shard]:
    total, done = sum(shard.nbytes for shard in job.shards), 0
    for shard in job.shards:
        yield shard
        done += shard.nbytes
        if progress:
            progress(done, total)


@contextlib.contextmanager
def _working_folder(out: Path) -> Iterator[Path]:
    """The folder beside ``out`` that holds what is done; this process has it alone."""
    folder = out.with_name(f".{out.name}-unfinished")
    with storing(out):
        make_folder(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except BlockingIOError:
        raise UserError(
            f"{out}, which another process is writing", "one merge at a time", "wait for it"
        ) from None
    finally:
        os.close(handle)


def _done_before(folder: Path, job: _Job, base: MergeBase) -> dict[str, str]:
    """Shards that an earlier start of the same merge finished, by name with their SHA-256."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        same = record["of"] == _identity(job, base)
        done: dict[str, str] = record["done"] if same else {}
        kept = {n: d for n, d in done.items() if sha256(folder / n) == d}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = {}
    for entry in folder.iterdir():
        if entry.name not in kept:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    _note(folder, job, base, kept)
    return kept


def _note(folder: Path, job: _Job, base: MergeBase, done: dict[str, str]) -> None:
    write_json(folder / _RECORD, {"of": _identity(job, base), "done": done})


def _identity(job: _Job, base: MergeBase) -> dict[str, Any]:
    """What a merge is of; shards of another one are not kept."""
    files = [(s.path.name, s.path.stat().st_size, s.path.stat().st_mtime_ns) for s in job.shards]
    return {
        "adapter": sha256(job.adapter.path),
        "config": sha256(job.adapter.path.with_name("adapter_config.json")),
        "base": [job.source.name, base, str(job.dtype), job.device],
        "files": [list(file) for file in files],
    }


def _check_room(folder: Path, job: _Job) -> None:
    needed = sum(
        stored.nbytes
        for shard in job.shards
        if not (folder / shard.path.name).exists()
        for stored in as_written(shard.tensors, job.dtype).values()
    )
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{free / 1e9:.1f} GB free at {folder.parent}",
            f"{needed / 1e9:.1f} GB for the merged weights",
            "free space or choose another --out, then start again: what is done already is kept",
        )


def _write_index(folder: Path, job: _Job) -> None:
    if [shard.path.name for shard in job.shards] == [SINGLE]:
        return
    sizes = [as_written(shard.tensors, job.dtype).values() for shard in job.shards]
    total = sum(stored.nbytes for some in sizes for stored in some)
    where = {name: shard.path.name for shard in job.shards for name in shard.tensors}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    write_json(folder / INDEX, index)


def _write_companions(folder: Path, job: _Job) -> None:
    """Configuration, generation defaults, tokenizer and chat template."""
    from transformers import AutoConfig, GenerationConfig

    config = AutoConfig.from_pretrained(job.source.location)
    config.dtype = job.dtype
    config.save_pretrained(folder)
    try:
        generation = GenerationConfig.from_pretrained(job.source.location)
    except OSError:  # a base without a file of them
        generation = GenerationConfig.from_model_config(config)
    # Answers are greedy; a server would draw from what an instruct model's file has here.
    generation.do_sample = False
    generation.temperature = generation.top_p = generation.top_k = None
    generation.save_pretrained(folder)
    load_tokenizer(job.source.name).save_pretrained(folder)
