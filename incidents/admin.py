"""A look at what came in and what was decided. The product writes all of it; a few acts call its own functions."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from aiops.access.curation import Audited, ReadOnly, principal_of
from aiops.access.roles import Act
from aiops.core.errors import DomainError
from incidents import hold_acts
from incidents.intake import quarantine, retrying
from incidents.models import (
    Alert,
    Decision,
    Delivery,
    Dependency,
    Evidence,
    Hold,
    Incident,
    LlmCall,
    Opinion,
    QuarantinedAlert,
    Refusal,
    RefusedBody,
    TimelineEvent,
)


class Look(ReadOnly, ModelAdmin):
    """A list of many rows, read only: no totals, which would count them all."""

    show_full_result_count = False


class DecisionInline(ReadOnly, TabularInline):
    model = Decision
    fields = ("token", "state", "reason", "cause", "ready_at", "auto_approved")
    readonly_fields = fields
    extra = 0
    show_change_link = True


class AlertInline(ReadOnly, TabularInline):
    model = Alert
    fk_name = "incident"
    fields = ("name", "source", "status", "occurrences", "first_seen", "last_seen")
    extra = 0
    max_num = 50
    show_change_link = True


@admin.register(Incident)
class IncidentAdmin(Look):
    list_display = ("ref", "title", "severity", "status", "category", "environment", "namespace", "opened_at", "disposition")
    list_filter = ("status", "severity", "category", "environment", "disposition", "is_test", "opened_at")
    search_fields = ("title", "alert_name", "target_name", "namespace")
    list_select_related = ("owner",)
    inlines = (DecisionInline, AlertInline)


@admin.register(Alert)
class AlertAdmin(Look):
    list_display = ("name", "source", "status", "severity", "environment", "occurrences", "first_seen", "incident")
    list_filter = ("status", "severity", "category", "is_test", "is_deadman", "first_seen")
    search_fields = ("name", "fingerprint", "source")
    list_select_related = ("incident",)


class OpinionInline(ReadOnly, TabularInline):
    model = Opinion
    fields = ("engine", "status", "ms", "weight", "reasoning", "at")
    extra = 0


@admin.register(Decision)
class DecisionAdmin(Look):
    list_display = ("token", "incident", "state", "reason", "cause", "received_at", "ready_at", "auto_approved")
    list_filter = ("state", "reason", "cause", "auto_approved", "ready_at")
    search_fields = ("token", "incident__title")
    list_select_related = ("incident",)
    inlines = (OpinionInline,)


@admin.register(Opinion)
class OpinionAdmin(Look):
    list_display = ("decision", "engine", "status", "ms", "weight", "at")
    list_filter = ("engine", "status", "at")
    search_fields = ("decision__token", "reasoning")
    list_select_related = ("decision",)


@admin.register(LlmCall)
class LlmCallAdmin(Look):
    list_display = (
        "at",
        "incident",
        "engine",
        "provider",
        "model",
        "status",
        "tokens_in",
        "tokens_out",
        "cost_micros",
        "ms",
        "reason",
    )
    list_filter = ("status", "provider", "engine", "at")
    search_fields = ("reason", "model")
    list_select_related = ("incident",)


@admin.register(TimelineEvent)
class TimelineEventAdmin(Look):
    list_display = ("at", "incident", "kind", "title", "actor", "status")
    list_filter = ("status", "at")
    search_fields = ("title", "actor", "kind")
    list_select_related = ("incident",)


@admin.register(Evidence)
class EvidenceAdmin(Look):
    list_display = ("at", "incident", "kind", "title", "phase", "truncated", "error")
    list_filter = ("kind", "phase", "truncated", "at")
    search_fields = ("title",)
    list_select_related = ("incident",)


@admin.register(Hold)
class HoldAdmin(Look):
    list_display = ("reason", "stops", "starts_at", "ends_at", "rrule", "created_by", "ended_at")
    list_filter = ("starts_at", "ends_at", "ended_at")
    search_fields = ("reason", "created_by")
    actions = ("end",)

    @admin.action(description="End now: what still fires is decided again")
    def end(self, request: HttpRequest, holds: QuerySet[Hold]) -> None:
        for hold in holds:
            _do(self, request, str(hold), lambda hold=hold: hold_acts.end(hold, principal_of(request)))


@admin.register(Dependency)
class DependencyAdmin(Audited, ModelAdmin):
    act = Act.DEPENDENCIES
    list_display = ("downstream", "upstream", "created_by")
    search_fields = ("downstream", "upstream")
    fields = ("downstream", "upstream")

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Any]", change: bool) -> None:
        if isinstance(obj, Dependency) and not change:
            obj.created_by = principal_of(request).name
        super().save_model(request, obj, form, change)


@admin.register(QuarantinedAlert)
class QuarantinedAlertAdmin(Look):
    list_display = ("received_at", "source", "reason", "occurrences", "status", "decided_by")
    list_filter = ("status", "source", "received_at")
    search_fields = ("reason", "source")
    actions = ("try_again", "discard")

    @admin.action(description="Try again: read it as its source reads it now")
    def try_again(self, request: HttpRequest, rows: QuerySet[QuarantinedAlert]) -> None:
        for row in rows:
            _do(self, request, str(row), lambda row=row: retrying.retry(row, principal_of(request)))

    @admin.action(description="Discard")
    def discard(self, request: HttpRequest, rows: QuerySet[QuarantinedAlert]) -> None:
        for row in rows:
            _do(self, request, str(row), lambda row=row: quarantine.discard(row, principal_of(request)))


@admin.register(Delivery)
class DeliveryAdmin(Look):
    list_display = ("received_at", "source", "accepted", "deduplicated", "ignored", "quarantined")
    list_filter = ("source", "received_at")
    ordering = ("-id",)


@admin.register(Refusal)
class RefusalAdmin(Look):
    list_display = ("hour", "source", "status", "count", "reason", "last_at")
    list_filter = ("source", "status", "hour")


@admin.register(RefusedBody)
class RefusedBodyAdmin(Look):
    list_display = ("received_at", "source", "reason")
    list_filter = ("source", "received_at")


def _do(screen: "ModelAdmin", request: HttpRequest, what: str, act: Any) -> None:
    """One act of many; what is refused is said, and the others go on."""
    try:
        act()
    except DomainError as refusal:
        screen.message_user(request, f"{what}: {refusal.detail}", messages.WARNING)
    else:
        screen.message_user(request, f"{what}: done", messages.SUCCESS)
