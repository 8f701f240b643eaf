"""A look at what the system noticed about itself."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from aiops.access.curation import ReadOnly
from governance.models import GovernanceEvent


@admin.register(GovernanceEvent)
class GovernanceEventAdmin(ReadOnly, ModelAdmin):
    list_display = ("kind", "level", "title", "occurrences", "first_seen", "last_seen", "owner", "resolved_at")
    list_filter = ("level", "kind", "resolved_at", "last_seen")
    search_fields = ("title", "key", "owner")
    show_full_result_count = False
