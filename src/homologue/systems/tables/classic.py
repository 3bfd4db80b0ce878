"""Three classic tables that come with scikit-learn: digits, breast cancer, wine."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue.systems._packaged import Packaged

_LICENCE = "CC-BY-4.0 (UCI); packaged by scikit-learn, BSD-3-Clause"

_CITATIONS = {
    "digits": "Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, "
    "doi:10.24432/C50P49",
    "cancer": "Wolberg, Mangasarian, Street & Street 1993, Breast Cancer Wisconsin "
    "(Diagnostic), UCI, doi:10.24432/C5DW2B",
    "wine": "Aeberhard & Forina 1992, Wine, UCI, doi:10.24432/C5PC7J",
}


def _loaded(name: str) -> Any:
    from sklearn import datasets

    loaders = {
        "digits": datasets.load_digits,
        "cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
    }
    return loaders[name]()


def _read(name: str, variable: str, categories: list[str], units: str) -> xr.DataArray:
    data = _loaded(name)
    return recording.make(
        data.data.astype(np.float64),
        unit=[str(feature) for feature in data.feature_names],
        variables={variable: recording.variable(data.target, categories=categories)},
        activity_units=units,
    )


def read_digits() -> xr.DataArray:
    """Return 1 797 handwritten digits × 64 pixels (grey, 0 … 16), with ``digit``.

    Three corner pixels are constant. Writers are not identified in the file: images by one
    writer count as independent, so p values may be somewhat too small.
    """
    return _read("digits", "digit", [str(i) for i in range(10)], "grey level 0…16")


def read_cancer() -> xr.DataArray:
    """Return 569 tumours × 30 measures of their cell nuclei, with ``diagnosis``."""
    return _read("cancer", "diagnosis", ["malignant", "benign"], "mixed")


def read_wine() -> xr.DataArray:
    """Return 178 wines × 13 chemical measures, with ``cultivar``."""
    return _read("wine", "cultivar", [f"cultivar {i}" for i in (1, 2, 3)], "mixed")


_SYSTEMS = {
    "digits": (read_digits, "digit"),
    "cancer": (read_cancer, "diagnosis"),
    "wine": (read_wine, "cultivar"),
}


def _system(name: str) -> Packaged:
    import sklearn

    reader, variable = _SYSTEMS[name]
    return Packaged(
        name=name,
        kind="other-science",
        family=name,
        licence=_LICENCE,
        citation=_CITATIONS[name],
        source=f"scikit-learn {sklearn.__version__}, sklearn.datasets",
        reader=reader,
        variable=variable,
        variables=(variable,),
    )


def digits() -> Packaged:
    """Return the system ``digits``."""
    return _system("digits")


def cancer() -> Packaged:
    """Return the system ``cancer``."""
    return _system("cancer")


def wine() -> Packaged:
    """Return the system ``wine``."""
    return _system("wine")
