"""How long Hypothesis looks: 200 examples; 10,000 with `pytest tests/generative --hypothesis-profile=long`."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("long", settings.get_profile("suite"), max_examples=10_000)
settings.register_profile("glance", settings.get_profile("suite"), max_examples=50)


def pytest_configure(config: pytest.Config) -> None:
    """Take the suite's profile unless the call names another one."""
    settings.load_profile(config.getoption("--hypothesis-profile") or "suite")
