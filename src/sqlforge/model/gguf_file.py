"""A whole model as one GGUF file, for llama.cpp and Ollama; read back and compared.

Models of the Llama family are written (Llama, Mistral, SmolLM2), all as ``llama``. llama.cpp's
rotary embedding takes neighbouring pairs where transformers takes halves, so the rows of the
query and key projections come in another order (``permute`` in llama.cpp's convert_hf_to_gguf.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import numpy.typing as npt
import torch
from gguf.quants import dequantize, quantize

from sqlforge.core.errors import ModelError
from sqlforge.core.files import make_folder, storing
from sqlforge.model.checkpoint import Shard, open_checkpoint
from sqlforge.model.gguf_vocabulary import write_vocabulary
from sqlforge.model.load import Source, load_tokenizer, resolve
from sqlforge.model.shards import read_tensor

GgufType = Literal["f16", "q8_0"]
Array = npt.NDArray[Any]
_TYPES = {
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
# Of a block's step: half a step by rounding, and that of the step itself to 16 bits.
_STEP_ERROR = 0.5 + 127 / 2048


@dataclass(frozen=True, slots=True)
class GgufReport:
    """What was written; ``largest_error`` is of a weight read back, against the model's own."""

    tensors: int
    bytes: int
    largest_error: float


def write_gguf(folder: str, out: Path, kind: GgufType) -> GgufReport:
    """Write ``out`` and read it back; one tensor is in memory at a time.

    Matrices are written as ``kind``, vectors in fp32.

    Raises:
        ModelError: a model or tokenizer that GGUF is not written for here, or a tensor that reads
            back as another one.
        StorageError: ``out`` cannot be written.
    """
    source = resolve(folder)
    config = _config(source)
    shards = open_checkpoint(source)
    temporary = out.with_name(f".{out.name}.tmp")
    with storing(out):
        make_folder(out.parent)
        try:
            _write(temporary, source, config, shards, kind)
            report = _read_back(temporary, config, shards, kind)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    return report


def _config(source: Source) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(source.location)
    scaling = config.rope_parameters.get("rope_type") if _is_llama(config) else None
    if scaling not in ("default", "llama3"):
        raise ModelError(
            f"{source.name}, a {config.model_type} model"
            + (f" with {scaling} rope" if _is_llama(config) else ""),
            "one of the Llama family: llama or mistral",
            "use llama.cpp's convert_hf_to_gguf.py for it",
        )
    return config


def _is_llama(config: Any) -> bool:
    return config.model_type in ("llama", "mistral")


def _write(
    path: Path, source: Source, config: Any, shards: tuple[Shard, ...], kind: GgufType
) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    _write_facts(writer, source, config, kind)
    write_vocabulary(writer, load_tokenizer(source.name), config.vocab_size)
    for name, shape in _shapes(config, shards):
        nbytes, dtype, raw = _size(shape, kind)
        writer.add_tensor_info(name, shape, dtype, nbytes, raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, values in _tensors(config, shards):
        writer.write_tensor_data(_as_stored(values, kind))
    writer.close()


def _write_facts(writer: Any, source: Source, config: Any, kind: GgufType) -> None:
    head = _head_size(config)
    writer.add_name(_name(source))
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(_TYPES[kind][1])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _name(source: Source) -> str:
    """The model's folder, by its run's name if it is a run's; else what it was asked for by."""
    folder = Path(source.name)
    if not folder.is_dir():
        return source.name
    folder = folder.resolve()
    return folder.parent.name if folder.name == "merged" else folder.name


def _shapes(config: Any, shards: tuple[Shard, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for shard in shards:
        for name, stored in shard.tensors.items():
            yield _their_name(names, name), stored.shape
    if config.rope_parameters["rope_type"] == "llama3":
        yield "rope_freqs.weight", (_head_size(config) // 2,)


def _tensors(config: Any, shards: tuple[Shard, ...]) -> Iterator[tuple[str, Array]]:
    """Names and values in fp32, in the order of :func:`_shapes`."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {
        "q_proj": config.num_attention_heads,
        "k_proj": config.num_key_value_heads,
    }
    for shard in shards:
        for name, stored in shard.tensors.items():
            values = read_tensor(shard.path, stored).to(torch.float32).numpy()
            count = heads.get(name.split(".")[-2])
            if count:
                values = _in_pairs(values, count)
            yield _their_name(names, name), values
    if config.rope_parameters["rope_type"] == "llama3":
        yield "rope_freqs.weight", _llama3_factors(config)


def _their_name(names: Any, name: str) -> str:
    found = names.get_name(name, try_suffixes=(".weight", ".bias"))
    if found is None:
        raise ModelError(
            f"a model with the tensor {name}", "the tensors of the Llama family", "merge it first"
        )
    return str(found)


def _in_pairs(values: Array, heads: int) -> Array:
    """Rows of a projection with each head's halves interleaved.

    >>> _in_pairs(np.arange(8)[:, None], 2)[:, 0].tolist()
    [0, 2, 1, 3, 4, 6, 5, 7]
    """
    rows = values.shape[0] // heads // 2
    return values.reshape(heads, 2, rows, -1).swapaxes(1, 2).reshape(values.shape)


def _head_size(config: Any) -> int:
    return int(
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    )


def _llama3_factors(config: Any) -> Array:
    """How much longer each wave of Llama 3.1's rotary embedding is (its ``rope_type: llama3``)."""
    told, head = config.rope_parameters, _head_size(config)
    factor, context = told["factor"], told["original_max_position_embeddings"]
    low, high = told["low_freq_factor"], told["high_freq_factor"]
    found = []
    for step in range(0, head, 2):
        wave = 2 * math.pi * told["rope_theta"] ** (step / head)
        smooth = min(1.0, max(0.0, (context / wave - low) / (high - low)))
        found.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(found, dtype=np.float32)


def _size(shape: tuple[int, ...], kind: GgufType) -> tuple[int, Any, Any]:
    """Bytes, dtype and kind of a tensor as it is stored."""
    count = math.prod(shape)
    if len(shape) == 1:
        return 4 * count, np.dtype(np.float32), gguf.GGMLQuantizationType.F32
    if kind == "f16":
        return 2 * count, np.dtype(np.float16), _TYPES[kind][0]
    if shape[-1] % 32:
        raise ModelError(
            f"a matrix of {shape} for q8_0", "rows of a multiple of 32", "use --gguf f16"
        )
    return count // 32 * 34, np.dtype(np.float32), _TYPES[kind][0]


def _as_stored(values: Array, kind: GgufType) -> Array:
    if values.ndim == 1:
        return values
    return values.astype(np.float16) if kind == "f16" else quantize(values, _TYPES[kind][0])


def _read_back(path: Path, config: Any, shards: tuple[Shard, ...], kind: GgufType) -> GgufReport:
    """Hold every tensor of the file against the model's."""
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    largest, count = 0.0, 0
    for name, values in _tensors(config, shards):
        tensor, count = stored[name], count + 1
        found = dequantize(tensor.data, tensor.tensor_type).reshape(values.shape)
        error = np.abs(found.astype(np.float32) - values)
        if not (error <= _allowed(values, kind)).all():
            raise ModelError(
                f"{name} that reads back as another tensor", "the one written", "report this defect"
            )
        largest = max(largest, float(error.max(initial=0.0)))
    if count != len(stored):
        raise ModelError(f"{len(stored)} tensors read back", f"{count}", "report this defect")
    return GgufReport(count, path.stat().st_size, largest)


def _allowed(values: Array, kind: GgufType) -> Array | float:
    """The most by which a weight may differ."""
    if values.ndim == 1:
        return 0.0
    if kind == "f16":
        return np.maximum(np.abs(values) * 2.0**-11, 2.0**-25)
    blocks = np.abs(values.reshape(*values.shape[:-1], -1, 32)).max(-1) / 127
    step: Array = np.repeat(blocks, 32, axis=-1)
    return step * _STEP_ERROR + 2.0**-25 * 127
