"""How strict an environment is, from what the sender says of it."""

import pytest

from aiops.core.clusters import MAX_KEPT, environment_of

LONG = "arn:aws:eks:eu-central-1:123456789012:cluster/" + "acme-payments-platform-core-services-europe-central-one"


@pytest.mark.parametrize(
    ("labels", "namespace", "expected"),
    [
        ({}, None, "production"),
        ({}, "shop-staging", "staging"),
        ({"cluster": "test-eu"}, "shop", "development"),
        ({"cluster": f"{LONG}-prod"}, "dev-tools", "production"),
        ({"cluster": f"{LONG}-staging"}, "shop", "staging"),
        ({"cluster": "c" * MAX_KEPT + "-staging"}, "shop", "staging"),
        ({"cluster": f"{LONG}-prod", "environment": "dev"}, "shop", "development"),
    ],
)
def test_all_of_a_name_counts_however_long_it_is(labels, namespace, expected):
    assert environment_of(labels, None, namespace) == expected
