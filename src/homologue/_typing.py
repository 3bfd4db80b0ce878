"""Array types with named axes, checked under pytest by jaxtyping and beartype.

Without jaxtyping (a user's install) the same names are inert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, Num
    from numpy import ndarray as Array
else:
    # NumPy gives a scalar where an array would have no axes left: both are Float[Array, "..."].
    Array = np.ndarray | np.generic
    try:
        from jaxtyping import Bool, Float, Int, Num
    except ImportError:

        class _Inert:
            def __class_getitem__(cls, item: Any) -> Any:
                return Any

        Bool = Float = Int = Num = _Inert

__all__ = ["Array", "Bool", "Float", "Int", "Num"]
