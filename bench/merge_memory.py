"""What memory a merge takes on the shape of Mistral 7B v0.3: the peak of a process of its own.

    python bench/merge_memory.py

Random bf16 weights in three shards as published (14.5 GB) and a random LoRA adapter of the
reference recipe (rank 64, seven projections, fp32) are written into a temporary folder, merged
both ways, and deleted; 30 GB of disk are needed. The peak is the kernel's own figure for the child
(``VmHWM``): everything resident counts, mapped files included.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from claims import ClaimRow, write_claims
from sqlforge.core.files import write_json
from sqlforge.model.shards import INDEX, Stored, as_written, read_header, read_tensor, write_shard

LAYERS, HIDDEN, INNER, KEYS, VOCABULARY, RANK = 32, 4_096, 14_336, 1_024, 32_768, 64
MOST = 5_000_000_000  # bytes of a shard, as published
PROJECTIONS = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KEYS, HIDDEN),
    "self_attn.v_proj": (KEYS, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
CHILD = (
    "import sys; from pathlib import Path; from sqlforge.model.merge_shards import merge; "
    "merge(Path(sys.argv[1]), Path(sys.argv[2]), base=sys.argv[3]); "
    "print(Path('/proc/self/status').read_text())"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to put 30 GB for a while; else /tmp")
    parser.add_argument("--layers", type=int, default=LAYERS, help="fewer, to try the script")
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sqlforge-merge-", dir=given.folder) as place:
        folder = Path(place)
        largest, total, shards = make_base(folder / "base", given.layers)
        make_adapter(folder / "adapter", folder / "base", given.layers)
        bound = 1.3 * largest + 1.0
        rows = [
            ClaimRow("weights", total, "GB"),
            ClaimRow("shards", shards),
            ClaimRow("largest_shard", largest, "GB"),
        ]
        for base in ("bf16", "dequantised"):
            peak, seconds = merged(folder, base)
            print(f"{base}: peak {peak:.2f} GB of at most {bound:.2f}, {seconds:.0f} s", flush=True)
            rows.append(ClaimRow(f"peak_{base}", peak, "GB", f"<= {bound:.3f}"))
    if given.write:
        print(
            write_claims(
                "merge_memory", command="python bench/merge_memory.py", seed=None, rows=rows
            )
        )


def merged(folder: Path, base: str) -> tuple[float, float]:
    """Peak resident memory in GB and seconds of one merge; its output is checked and removed."""
    out, started = folder / "merged", time.monotonic()
    command = [sys.executable, "-c", CHILD, str(folder / "adapter"), str(out), base]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds = time.monotonic() - started
    check(folder, out, base)
    for file in out.iterdir():
        file.unlink()
    out.rmdir()
    (peak,) = re.findall(r"VmHWM:\s*(\d+) kB", told)
    return int(peak) * 1024 / 1e9, seconds


def check(folder: Path, out: Path, base: str) -> None:
    """One weight, summed up here again, and the files' sizes."""
    from sqlforge.model.fold import open_adapter, through_nf4

    name = "model.layers.1.mlp.up_proj.weight"
    told = json.loads((folder / "base" / INDEX).read_text())["weight_map"]
    assert json.loads((out / INDEX).read_text())["weight_map"] == told
    paths = [place / told[name] for place in (folder / "base", out)]
    weight, found = (read_tensor(path, read_header(path)[name]) for path in paths)
    weight = through_nf4(weight) if base == "dequantised" else weight
    wanted = (weight.float() + open_adapter(folder / "adapter").delta(name)).bfloat16()
    assert torch.equal(found, wanted)
    for file in set(told.values()):
        assert (out / file).stat().st_size == (folder / "base" / file).stat().st_size


def make_base(folder: Path, layers: int) -> tuple[float, float, int]:
    """A folder with random weights; the largest shard's and all shards' GB, and their number."""
    folder.mkdir()
    groups: list[dict[str, Stored]] = [{}]
    for name, stored in shapes(layers).items():
        if sum(s.nbytes for s in groups[-1].values()) + stored.nbytes > MOST:
            groups.append({})
        groups[-1][name] = stored
    names = [f"model-{i:05}-of-{len(groups):05}.safetensors" for i in range(1, len(groups) + 1)]
    rng = random.Random(0)
    block = torch.randn(1 << 25, generator=torch.Generator().manual_seed(0)).mul_(0.02).bfloat16()
    for name, group in zip(names, groups, strict=True):
        drawn = ((key, draw(block, s.shape, rng)) for key, s in group.items())
        write_shard(folder / name, as_written(group), drawn)
    sizes = [sum(s.nbytes for s in group.values()) / 1e9 for group in groups]
    where = {key: name for name, group in zip(names, groups, strict=True) for key in group}
    write_json(folder / INDEX, {"metadata": {}, "weight_map": where})
    make_companions(folder, layers)
    return max(sizes), sum(sizes), len(groups)


def shapes(layers: int) -> dict[str, Stored]:
    """Every tensor of the model, in the order of the published files."""

    def one(*shape: int) -> Stored:
        return Stored(torch.bfloat16, shape, 0)

    found = {"model.embed_tokens.weight": one(VOCABULARY, HIDDEN)}
    for layer in range(layers):
        start = f"model.layers.{layer}"
        found |= {f"{start}.{name}.weight": one(*size) for name, size in PROJECTIONS.items()}
        found[f"{start}.input_layernorm.weight"] = one(HIDDEN)
        found[f"{start}.post_attention_layernorm.weight"] = one(HIDDEN)
    found["model.norm.weight"] = one(HIDDEN)
    found["lm_head.weight"] = one(VOCABULARY, HIDDEN)
    return found


def draw(block: torch.Tensor, shape: tuple[int, ...], rng: random.Random) -> torch.Tensor:
    """Random numbers of ``shape``: ``block`` from some place on, over and over."""
    count = 1
    for size in shape:
        count *= size
    rolled = block.roll(rng.randrange(len(block)))
    return rolled.repeat(-(-count // len(block)))[:count].reshape(shape)


def make_companions(folder: Path, layers: int) -> None:
    """The configuration of Mistral 7B v0.3 and a tokenizer, which is a made-up one."""
    from tokenizers import Tokenizer, models
    from transformers import MistralConfig, PreTrainedTokenizerFast

    config = MistralConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=layers,
        num_key_value_heads=KEYS * 32 // HIDDEN,
        dtype="bfloat16",
        architectures=["MistralForCausalLM"],
    )
    config.save_pretrained(folder)
    words = {"<s>": 0, "</s>": 1} | {chr(33 + i): 2 + i for i in range(90)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE(vocab=words, merges=[])),
        bos_token="<s>",
        eos_token="</s>",
    )
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    tokenizer.save_pretrained(folder)


def make_adapter(folder: Path, base: Path, layers: int) -> None:
    """LoRA as the reference recipe has it, with random A and B."""
    folder.mkdir()
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": str(base),
        "r": RANK,
        "lora_alpha": 16,
        "bias": "none",
    }
    write_json(folder / "adapter_config.json", config)
    layout = {}
    for layer in range(layers):
        for name, (outputs, inputs) in PROJECTIONS.items():
            start = f"base_model.model.model.layers.{layer}.{name}"
            layout[f"{start}.lora_A.weight"] = Stored(torch.float32, (RANK, inputs), 0)
            layout[f"{start}.lora_B.weight"] = Stored(torch.float32, (outputs, RANK), 0)

    def drawn() -> Iterator[tuple[str, torch.Tensor]]:
        generator = torch.Generator().manual_seed(1)
        for key, stored in layout.items():
            yield key, torch.randn(stored.shape, generator=generator).mul_(0.01)

    write_shard(folder / "adapter_model.safetensors", as_written(layout), drawn())


if __name__ == "__main__":
    main()
