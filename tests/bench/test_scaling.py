"""What the bench of several cards makes of its rows."""

from __future__ import annotations

import pytest

from scaling import Scaled, claims


def test_speed_on_two_cards_is_held_against_one_and_losses_are_compared() -> None:
    found = {
        name: Scaled(name, speed, 1.0, 9.0, losses)
        for name, speed, losses in (
            ("mistral_one", 12_000.0, [2.0, 1.0]),
            ("mistral_ddp", 23_640.0, [2.0, 1.01]),
            ("mistral_fsdp", 21_600.0, [2.0, 1.0]),
            ("smollm2_ddp", 9.0, [1.0]),
        )
    }
    rows = {row.name: row for row in claims(found)}
    assert rows["mistral_ddp_scaling"].value == pytest.approx(1.97)
    assert rows["mistral_ddp_scaling"].met
    assert rows["mistral_fsdp_scaling"].met is False
    assert rows["mistral_ddp_loss_apart"].value == pytest.approx(0.01)
    assert "mistral_one_scaling" not in rows
    assert "smollm2_ddp_scaling" not in rows, "there is nothing to hold it against"
