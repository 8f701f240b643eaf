"""Where messages go, and what became of them."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from aiops.access import principals
from aiops.access.curation import Audited, ReadOnly, principal_of
from aiops.access.roles import Act
from aiops.outbox import delivery
from aiops.outbox.models import Channel, Notification


@admin.register(Channel)
class ChannelAdmin(Audited, ModelAdmin):
    act = Act.CONTACTS
    list_display = ("name", "kind", "address", "is_enabled", "failing_since")
    list_filter = ("kind", "is_enabled")
    search_fields = ("name", "address")


@admin.register(Notification)
class NotificationAdmin(ReadOnly, ModelAdmin):
    list_display = ("created_at", "kind", "incident_ref", "channel", "recipient", "status", "attempts", "sent_at", "error")
    list_filter = ("status", "channel", "kind", "created_at")
    search_fields = ("fact", "incident_ref", "recipient")
    list_select_related = ("channel",)
    actions = ("send_again",)
    show_full_result_count = False

    @admin.action(description="Send again")
    def send_again(self, request: HttpRequest, rows: QuerySet[Notification]) -> None:
        for row in rows.filter(status=Notification.Status.DEAD):
            delivery.retry(row)
            principals.record(
                principal_of(request), Act.CONTACTS, "notification", row.pk, incident=row.incident_ref, done="again"
            )
        self.message_user(request, "What had been given up is sent again.", messages.SUCCESS)
