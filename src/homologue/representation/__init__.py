"""Populations as representations: what can be read out, and how it is laid out."""

from homologue.representation._balanced import balanced_decoding
from homologue.representation._decode import decode

__all__ = ["balanced_decoding", "decode"]
