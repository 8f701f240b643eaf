"""Curation of playbooks, and a look at what was learned. Ledgers and outcomes are written by the product alone."""

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from aiops.access import principals
from aiops.access.curation import ReadOnly, principal_of
from aiops.access.roles import Act
from learning import playbook_state, playbook_versions
from learning.forms import PlaybookForm, StepFormSet
from learning.models import (
    Hindsight,
    Outcome,
    Playbook,
    PlaybookStep,
    PlaybookVersion,
    TrustEvent,
    TrustGrant,
    TrustRecord,
)
from learning.playbook_versions import Change


class GrantInline(ReadOnly, TabularInline):
    model = TrustGrant
    fields = ("kind", "by", "reason", "created_at", "until", "ended_at")
    extra = 0


@admin.register(TrustRecord)
class TrustRecordAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "pattern", "environment", "namespace", "alert_name", "tier", "score", "evidence", "verified_days", "people", "agreement",
    )  # fmt: skip
    list_filter = ("environment", "tier", "score")
    search_fields = ("pattern", "namespace", "alert_name")
    inlines = (GrantInline,)
    show_full_result_count = False

    @admin.display(description="Evidence")
    def evidence(self, record: TrustRecord) -> str:
        return f"{record.successes:.2f} for, {record.failures:.2f} against"

    @admin.display(description="Agreed")
    def agreement(self, record: TrustRecord) -> str:
        return f"{record.agreed} of {record.agreed + record.disagreed}"


@admin.register(TrustEvent)
class TrustEventAdmin(ReadOnly, ModelAdmin):
    list_display = ("at", "record", "kind", "ds", "df", "dscore", "actor", "reason", "score", "step")
    list_filter = ("kind", "at")
    search_fields = ("record__pattern", "record__alert_name", "actor", "reason", "execution")
    list_select_related = ("record",)
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(TrustGrant)
class TrustGrantAdmin(ReadOnly, ModelAdmin):
    list_display = ("record", "kind", "by", "reason", "created_at", "until", "ended_at")
    list_filter = ("kind", "until")
    search_fields = ("record__pattern", "by__username", "reason")
    list_select_related = ("record", "by")


class HindsightInline(ReadOnly, TabularInline):
    model = Hindsight
    fields = ("kind", "value", "actor", "note", "at")
    extra = 0


@admin.register(Outcome)
class OutcomeAdmin(ReadOnly, ModelAdmin):
    list_display = ("at", "pattern", "place", "alert_name", "result", "autonomous", "source", "seconds", "rolled_back")
    list_filter = ("result", "autonomous", "source", "action_class", "environment", "at")
    search_fields = ("pattern", "namespace", "alert_name", "anomaly_key", "execution")
    inlines = (HindsightInline,)
    show_full_result_count = False

    @admin.display(description="Place")
    def place(self, outcome: Outcome) -> str:
        return outcome.scope.place


class StepInline(StackedInline):
    model = PlaybookStep
    formset = StepFormSet
    extra = 0
    min_num = 1


class VersionInline(ReadOnly, TabularInline):
    model = PlaybookVersion
    fields = ("number", "at", "by")
    extra = 0
    show_change_link = True


@admin.register(Playbook)
class PlaybookAdmin(ModelAdmin):
    form = PlaybookForm
    list_display = ("name", "status", "target_kind", "runs", "rate", "trust", "confidence", "version", "last_used_at")
    list_filter = ("status", "is_starter", "target_kind")
    search_fields = ("name", "description", "alert_names", "services")
    readonly_fields = (
        "status", "is_starter", "version", "runs", "successes", "trust", "confidence", "source_incidents", "created_at",
        "last_used_at",
    )  # fmt: skip
    inlines = (StepInline, VersionInline)
    actions = ("approve", "send_to_review", "deprecate", "archive")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # its record would go with it; archive it instead

    @admin.display(description="Success")
    def rate(self, playbook: Playbook) -> str:
        return "–" if playbook.success_rate is None else f"{playbook.success_rate:.0%}"

    def save_related(self, request: HttpRequest, form: "ModelForm[Playbook]", formsets: list[object], change: bool) -> None:
        super().save_related(request, form, formsets, change)
        principal, playbook = principal_of(request), form.instance
        version = playbook_versions.keep(playbook, by=principal.name)
        if version is not None:
            principals.record(principal, Act.PLAYBOOKS, "playbook", playbook.pk, name=playbook.name, version=version.number)

    @admin.action(description="Approve: propose it from now on")
    def approve(self, request: HttpRequest, playbooks: QuerySet[Playbook]) -> None:
        self._move(request, playbooks, Playbook.Status.APPROVED)

    @admin.action(description="Send to review")
    def send_to_review(self, request: HttpRequest, playbooks: QuerySet[Playbook]) -> None:
        self._move(request, playbooks, Playbook.Status.REVIEW)

    @admin.action(description="Deprecate: propose it no more")
    def deprecate(self, request: HttpRequest, playbooks: QuerySet[Playbook]) -> None:
        self._move(request, playbooks, Playbook.Status.DEPRECATED)

    @admin.action(description="Archive")
    def archive(self, request: HttpRequest, playbooks: QuerySet[Playbook]) -> None:
        self._move(request, playbooks, Playbook.Status.ARCHIVED)

    def _move(self, request: HttpRequest, playbooks: QuerySet[Playbook], to: Playbook.Status) -> None:
        for playbook in playbooks:
            if playbook_state.advance(playbook, to, actor=principal_of(request)):
                self.message_user(request, f"{playbook.name}: {to}", messages.SUCCESS)
            else:
                self.message_user(request, f"{playbook.name} is {playbook.status} and stays so", messages.WARNING)


@admin.register(PlaybookVersion)
class PlaybookVersionAdmin(ReadOnly, ModelAdmin):
    list_display = ("playbook", "number", "at", "by")
    list_filter = ("at",)
    search_fields = ("playbook__name", "by")
    list_select_related = ("playbook",)
    fields = ("playbook", "number", "at", "by", "changes")
    readonly_fields = ("changes",)

    @admin.display(description="Against the version before")
    def changes(self, version: PlaybookVersion) -> SafeString:
        """Signs and elements say the same as the colours."""
        marks = {Change.SAME: ("span", "  "), Change.INSERTED: ("ins", "+ "), Change.DELETED: ("del", "- ")}
        lines = [(*marks[line.change], line.text) for line in playbook_versions.changes(version)]
        body = format_html_join("\n", "<{0}>{1}{2}</{0}>", lines)
        return format_html('<pre style="white-space: pre-wrap">{}</pre>', body)
