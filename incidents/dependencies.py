"""Declared service dependencies: who needs whom."""

from collections.abc import Sequence

from django.db import transaction

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Invalid
from incidents.models import Dependency


def edges() -> list[tuple[str, str]]:
    """`(downstream, upstream)` pairs, sorted."""
    return list(Dependency.objects.order_by("downstream", "upstream").values_list("downstream", "upstream"))


@transaction.atomic
def replace(wanted: Sequence[tuple[str, str]], by: Principal) -> list[tuple[str, str]]:
    """Make exactly `wanted` the declared edges. All of it or nothing."""
    require(by, Act.DEPENDENCIES)
    for n, (downstream, upstream) in enumerate(wanted):
        if downstream == upstream:
            raise Invalid(f"{downstream} cannot need itself", loc=("edges", n))
    new, old = set(wanted), set(edges())
    for downstream, upstream in old - new:
        Dependency.objects.filter(downstream=downstream, upstream=upstream).delete()
    Dependency.objects.bulk_create(
        [Dependency(downstream=d, upstream=u, created_by=by.name) for d, u in sorted(new - old)], ignore_conflicts=True
    )
    record(by, Act.DEPENDENCIES, "dependencies", "all", added=len(new - old), removed=len(old - new))
    return edges()
