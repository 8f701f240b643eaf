from collections.abc import Iterator

import pytest

from tests.product import Product


@pytest.fixture(scope="session")
def console() -> Iterator[Product]:
    """The product without its sandbox, shared by the tests that only kill and watch its processes."""
    with Product(sandbox=False) as running:
        yield running
