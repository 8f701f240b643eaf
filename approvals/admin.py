"""A look at approvals and acts: signing and acting have rules that admin must not pass by.

Set up here are contacts, and machines and jobs, each with the few things that may be done with it.
"""

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from aiops.access.curation import Audited, ReadOnly
from aiops.access.roles import Act
from approvals.means import Host, JobCall, WebhookJob
from approvals.models import Approval, Attempt, AutonomyChange, Contact, Execution, Review, Signature


class Look(ReadOnly, ModelAdmin):
    """A list of many rows, read only: no totals, which would count them all."""

    show_full_result_count = False


class SignatureInline(ReadOnly, TabularInline):
    model = Signature
    fields = ("by", "via", "was_fresh", "digest", "comment", "at")
    extra = 0


class ExecutionInline(ReadOnly, TabularInline):
    model = Execution
    fields = ("step", "direction", "status", "reason", "autonomous", "planned_at", "verification_result")
    extra = 0
    show_change_link = True


@admin.register(Approval)
class ApprovalAdmin(Look):
    list_display = ("id", "incident", "status", "risk", "tier", "blast_score", "required_signatures", "created_at", "expires_at")
    list_filter = ("status", "tier", "risk", "created_at")
    search_fields = ("incident__title", "decision__token", "digest")
    list_select_related = ("incident",)
    inlines = (SignatureInline, ExecutionInline)


@admin.register(Signature)
class SignatureAdmin(Look):
    list_display = ("at", "approval", "by", "via", "was_fresh", "comment")
    list_filter = ("via", "was_fresh", "at")
    search_fields = ("by", "digest", "comment")
    list_select_related = ("approval",)
    ordering = ("-id",)


class AttemptInline(ReadOnly, TabularInline):
    model = Attempt
    fields = ("n", "started_at", "finished_at", "outcome", "resource_version", "error", "transient")
    extra = 0


@admin.register(Execution)
class ExecutionAdmin(Look):
    list_display = (
        "id",
        "incident",
        "pattern",
        "direction",
        "status",
        "reason",
        "autonomous",
        "planned_at",
        "verification_result",
    )
    list_filter = ("status", "direction", "autonomous", "verification_result", "environment", "planned_at")
    search_fields = ("pattern", "namespace", "alert_name", "incident__title")
    list_select_related = ("incident",)
    inlines = (AttemptInline,)


@admin.register(Attempt)
class AttemptAdmin(Look):
    list_display = ("execution", "n", "started_at", "finished_at", "outcome", "resource_version", "transient")
    list_filter = ("outcome", "transient", "started_at")
    search_fields = ("execution__pattern", "error")
    list_select_related = ("execution",)
    ordering = ("-id",)


@admin.register(AutonomyChange)
class AutonomyChangeAdmin(Look):
    list_display = ("at", "enabled", "by", "reason")
    list_filter = ("enabled", "at")
    search_fields = ("by", "reason")


@admin.register(Review)
class ReviewAdmin(Look):
    list_display = ("asked_at", "execution", "why", "right", "by", "note", "answered_at")
    list_filter = ("right", "why", "asked_at")
    search_fields = ("execution__pattern", "by", "note")
    list_select_related = ("execution",)
    ordering = ("-id",)


@admin.register(Contact)
class ContactAdmin(Audited, ModelAdmin):
    """Who is asked, and in which order, when nobody signs."""

    act = Act.CONTACTS
    list_display = ("position", "user", "channel", "is_enabled")
    list_filter = ("is_enabled",)
    list_select_related = ("user", "channel")
    autocomplete_fields = ("user",)


@admin.register(Host)
class HostAdmin(Audited, ModelAdmin):
    act = Act.JOBS
    list_display = ("name", "cluster", "address", "services", "containers", "clean_paths", "is_enabled")
    list_filter = ("cluster", "is_enabled", "criticality")
    search_fields = ("name", "address")


@admin.register(WebhookJob)
class WebhookJobAdmin(Audited, ModelAdmin):
    act = Act.JOBS
    list_display = ("name", "carries", "cluster", "risk", "data_impact", "undo", "idempotent", "rehearses", "is_enabled")
    list_filter = ("carries", "risk", "undo", "is_enabled")
    search_fields = ("name",)


@admin.register(JobCall)
class JobCallAdmin(Look):
    list_display = ("created_at", "job", "key", "state", "receiver_id", "called_back_at", "detail")
    list_filter = ("state", "job")
    search_fields = ("key", "receiver_id")
    list_select_related = ("job",)
