"""How many examples the property tests try: HYPOTHESIS_PROFILE=ci for many."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "normal",
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("normal"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))
