"""What people type about themselves, and how they narrow the audit."""

from django import forms
from django.db.models import QuerySet

from aiops.access.models import AuditEntry


class KeysForm(forms.Form):
    single_keys = forms.BooleanField(required=False)


class AuditFilter(forms.Form):
    """`q` is the name of whoever acted, or an incident as `INC-…`. Both are looked up exactly, by their indexes."""

    q = forms.CharField(required=False, max_length=150)
    who = forms.ChoiceField(required=False, choices=[("", "Anyone"), ("people", "People"), ("autonomy", "Autonomy")])

    def apply(self, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if not self.is_valid():
            return rows
        asked = self.cleaned_data["q"].strip()
        if asked.upper().startswith("INC-"):
            rows = rows.filter(incident_ref=asked.upper())
        elif asked:
            rows = rows.filter(actor=asked)
        match self.cleaned_data["who"]:
            case "people":
                rows = rows.filter(user__isnull=False)
            case "autonomy":
                rows = rows.filter(actor="autonomy")
        return rows
