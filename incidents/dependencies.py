"""Declared service dependencies: who needs whom. As a file they are

    dependencies:
      shop/web: [shop/orders-db, shop/cache]
      shop/checkout: [pay/gateway]

Names are `namespace/name`; a bare one means whatever is called so in the namespace of its user. Machines and what lies
outside are called as alerts call them: `db-01.example.net`.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated

import yaml
from django.db import transaction
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

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


Name = Annotated[str, StringConstraints(min_length=1, max_length=253, strip_whitespace=True)]
MAX_BYTES = 1 << 20


class File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dependencies: dict[Name, list[Name]]


def parse(text: str) -> list[tuple[str, str]]:
    """The edges in a file; Invalid names what is wrong with it."""
    if len(text) > MAX_BYTES:
        raise Invalid("a file of dependencies is at most 1 MiB")
    try:
        file = File.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise Invalid(f"it is not YAML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Invalid(f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from None
    return sorted({(downstream, upstream) for downstream, needed in file.dependencies.items() for upstream in needed})


def dump(pairs: Sequence[tuple[str, str]]) -> str:
    """The file that gives these edges."""
    needs = {downstream: [up for _, up in found] for downstream, found in groupby(sorted(pairs), key=lambda pair: pair[0])}
    return yaml.safe_dump({"dependencies": needs}, sort_keys=False, allow_unicode=True)
