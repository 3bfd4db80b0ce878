"""Interventions: ablate, cool, stimulate, clamp, patch, steer; and what they do to behaviour."""

__all__: list[str] = []
