"""The National Vulnerability Database: its records (`records`), its API (`client`), files of it
(`mirror`), and the one question everybody asks (`lookup`)."""

from agents.nvd.lookups import NvdAnswer, lookup
from agents.nvd.records import NvdFacts

__all__ = ["NvdAnswer", "NvdFacts", "lookup"]
