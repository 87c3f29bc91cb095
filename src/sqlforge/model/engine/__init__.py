"""The generation engine: continuous batches over static slots, see :class:`Engine`."""

from sqlforge.model.engine.engine import Engine
from sqlforge.model.engine.request import Completion, Request, Ticket

__all__ = ["Completion", "Engine", "Request", "Ticket"]
