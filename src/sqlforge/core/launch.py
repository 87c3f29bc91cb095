"""What ``torchrun`` or ``accelerate launch`` says about this process, taken from the environment.

It is taken out of it, too: transformers and accelerate would set up exchanges of their own.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

_TAKEN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
_CARDS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Launch:
    """One of ``size`` processes; ``local_size`` of them run on this machine, with ``cards`` cards.

    ``host`` and ``port`` are those of the store, which this process opens if ``holds_store``;
    ``attempt`` counts restarts, and ``sharding`` names what accelerate was told to shard by.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    host: str
    port: int
    cards: int
    holds_store: bool
    attempt: str = "0"
    sharding: str = ""


def take_launch(
    environment: MutableMapping[str, str], count_cards: Callable[[], int]
) -> Launch | None:
    """The launch that ``environment`` tells of, ``None`` of a single process.

    Afterwards it tells of none, and of no more than this process's own card.

    Args:
        environment: variables of the process.
        count_cards: the cards of this machine that processes see.

    >>> told = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "CUDA_VISIBLE_DEVICES": "4,6"}
    >>> launch = take_launch(told, lambda: 2)
    >>> launch.rank, launch.size, launch.port, told
    (1, 2, 29500, {'CUDA_VISIBLE_DEVICES': '6'})
    """
    launched = "RANK" in environment
    size = int(environment.get("WORLD_SIZE", "1"))
    rank = int(environment.get("RANK", "0"))
    local_rank = int(environment.get("LOCAL_RANK", rank))
    local_size = int(environment.get("LOCAL_WORLD_SIZE", size))
    ours = {name: environment.pop(name, "") for name in [*environment] if _is_taken(name)}
    if size == 1 or not launched:
        return None
    cards = count_cards()
    if local_rank < cards:
        visible = [card for card in environment.get(_CARDS, "").split(",") if card]
        environment[_CARDS] = visible[local_rank] if visible else str(local_rank)
    asked = [name for name in ("FSDP", "DEEPSPEED") if ours.get(f"ACCELERATE_USE_{name}") == "true"]
    agents = environment.get("TORCHELASTIC_USE_AGENT_STORE", "") == "True"
    return Launch(
        rank=rank,
        size=size,
        local_rank=local_rank,
        local_size=local_size,
        host=environment.get("MASTER_ADDR", "127.0.0.1"),
        port=int(environment.get("MASTER_PORT", "29500")),
        cards=cards,
        holds_store=rank == 0 and not agents,
        attempt=environment.get("TORCHELASTIC_RESTART_COUNT", "0"),
        sharding=asked[0] if asked else "",
    )


def _is_taken(name: str) -> bool:
    return name in _TAKEN or name.startswith("ACCELERATE_")
