"""Simulated neural circuits whose wiring is known: they test the methods and never vote."""
