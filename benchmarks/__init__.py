"""Each hot path beside the peer a user would pick: ``python -m benchmarks NAME [--json]``.

A benchmark is a module of this package with ``NAME`` and ``cases(*, quick: bool)``, which
measures and yields one :class:`~benchmarks._harness.Case` after the other;
:mod:`benchmarks._harness` holds what it measures with, ``targets.toml`` what it must reach.
"""
