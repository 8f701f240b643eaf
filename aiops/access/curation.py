"""What the screens of Django admin share: who is at work, what only the product writes, an audit entry for each act."""

from typing import Any, ClassVar

from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest

from aiops.access import principals
from aiops.access.principals import Principal
from aiops.access.roles import Act


def principal_of(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


class ReadOnly:
    """Nobody adds, changes or deletes here, an admin neither: the product alone writes these."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Audited:
    """What is saved or deleted here is written down, by its fields' names: values may be secrets."""

    act: ClassVar[Act]

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Any]", change: bool) -> None:
        principals.require(principal_of(request), self.act)
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        fields = list(form.changed_data)
        self._record(request, obj, done="changed" if change else "added", fields=fields)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        principals.require(principal_of(request), self.act)
        self._record(request, obj, done="deleted")
        super().delete_model(request, obj)  # type: ignore[misc]

    def _record(self, request: HttpRequest, obj: Model, **detail: Any) -> None:
        principals.record(principal_of(request), self.act, obj._meta.model_name or "", obj.pk, name=str(obj), **detail)
