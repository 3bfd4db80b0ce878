"""A recording cannot be perturbed, and says what can."""

from __future__ import annotations

import pytest

from homologue import perturb
from homologue._errors import HomologueError
from homologue.recording import make
from homologue.systems import Packaged


def test_what_was_recorded_cannot_be_perturbed():
    rows = Packaged("rows", "brain", "rows", "", "", "", lambda: make([[1.0]]))
    with pytest.raises(HomologueError, match=r"rows.*ablate\(V1, zero\).*TorchModel"):
        rows.perturb(perturb.ablate("V1"))
