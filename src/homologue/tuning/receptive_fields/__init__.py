"""What drives a unit: averages, covariances and contexts of the stimulus around its activity."""

from homologue.tuning.receptive_fields._covariance import triggered_covariance
from homologue.tuning.receptive_fields._linear import receptive_field
from homologue.tuning.receptive_fields._tokens import token_context

__all__ = ["receptive_field", "token_context", "triggered_covariance"]
