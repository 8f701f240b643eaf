"""How people narrow the list of incidents. The address keeps it; it is also the key of the live list."""

from django import forms
from django.db.models import QuerySet

from aiops.core.scales import Severity
from incidents.models import Incident
from incidents.search import matching

SHOW = [("open", "Open"), ("closed", "Closed"), ("all", "All")]


class IncidentFilter(forms.Form):
    """Every field is optional; a value that makes no sense filters nothing."""

    show = forms.ChoiceField(choices=SHOW, required=False)
    q = forms.CharField(required=False, max_length=200)
    severity = forms.ChoiceField(choices=[("", "Any severity"), *((s.value, s.value) for s in Severity)], required=False)
    namespace = forms.CharField(required=False, max_length=253)
    service = forms.CharField(required=False, max_length=253)

    @property
    def shown(self) -> str:
        return str(self.cleaned_data.get("show") or "open") if self.is_valid() else "open"

    @property
    def narrows(self) -> bool:
        """Whether anything but open or closed is asked for."""
        return self.is_valid() and any(self.cleaned_data[name] for name in ("q", "severity", "namespace", "service"))

    def apply(self, rows: QuerySet[Incident]) -> QuerySet[Incident]:
        if not self.is_valid():
            return rows
        for name in ("severity", "namespace"):
            if value := self.cleaned_data[name]:
                rows = rows.filter(**{name: value})
        if service := self.cleaned_data["service"]:
            rows = rows.filter(services__contains=[service])
        return matching(rows, self.cleaned_data["q"])
