"""Curating playbooks by hand: what is typed passes the same checks as a file."""

from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.forms import BaseInlineFormSet
from pydantic import ValidationError
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from aiops.core.categories import Category
from aiops.core.errors import Invalid
from aiops.core.scales import Severity
from learning.models import Playbook
from learning.playbook_file import Step, Symptoms, field_of


def _lines(max_length: int, help_text: str) -> SimpleArrayField:
    return SimpleArrayField(
        forms.CharField(max_length=max_length),
        delimiter="\n",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=f"{help_text}, one per line",
    )


def _several(choices: list[tuple[str, str]], help_text: str) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=choices, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text=help_text
    )


class PlaybookForm(forms.ModelForm):  # type: ignore[type-arg]
    alert_names = _lines(200, "Names of alerts")
    services = _lines(253, "Services")
    categories = _several([(c.value, c.value) for c in Category], "None: any category")
    severities = _several([(s.value, s.value) for s in Severity], "None: any severity")
    needs = _several(list(Playbook.Need.choices), "What evidence has to show beside the alert")

    class Meta:
        model = Playbook
        fields = ("name", "description", *Symptoms.model_fields)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            Symptoms.model_validate({field: cleaned.get(field) for field in Symptoms.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else None
            self.add_error(field, first["msg"].removeprefix("Value error, "))
        return cleaned


class StepFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """All steps of a playbook, checked against the kind of target that it is for."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if not kept:
            raise forms.ValidationError("A playbook has at least one step.")
        for form in kept:
            if not form.errors:
                self._check(form)

    def _check(self, form: forms.ModelForm) -> None:  # type: ignore[type-arg]
        given = form.cleaned_data
        try:
            step = Step.model_validate({"action": given["action_class"], **{f: given[f] for f in FIELDS if f in given}})
            step.aimed(self.instance.target_kind)
        except ValidationError as error:
            form.add_error(str(error.errors()[0]["loc"][0]), error.errors()[0]["msg"])
        except Invalid as error:
            field = str(field_of(error)[0])
            form.add_error("action_class" if field == "action" else field, error.detail)


FIELDS = set(Step.model_fields) - {"action"}
