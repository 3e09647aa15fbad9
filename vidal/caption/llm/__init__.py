"""Asking a language model behind an OpenAI-compatible endpoint: nothing is paid twice, and a budget is kept."""

from vidal.caption.llm.asks import Answer, Ask, Rejected, Unacceptable
from vidal.caption.llm.config import EndpointConfig, Price
from vidal.caption.llm.endpoint import Endpoint

__all__ = ["Answer", "Ask", "Endpoint", "EndpointConfig", "Price", "Rejected", "Unacceptable"]
