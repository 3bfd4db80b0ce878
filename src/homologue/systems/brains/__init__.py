"""Packaged recordings of nervous systems, one small module each.

Each module has ``read(**options)`` → recording and ``system(part=None)`` → the system that the
registry builds. What a file holds beyond one recording (the worm's full atlas, the songbird's
spectrogram) stands beside them.
"""
