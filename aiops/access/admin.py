"""People and tokens, and what was written down about them."""

import secrets
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from aiops.access.curation import Audited, ReadOnly
from aiops.access.models import ApiToken, AuditEntry, AuditSeal, IdempotentAnswer, PolicyVersion, User
from aiops.access.roles import Act

for model in (Group, AccessAttempt, AccessLog, AccessFailureLog):
    try:
        admin.site.unregister(model)
    except NotRegistered:
        continue


class TokenInline(ReadOnly, TabularInline):
    model = ApiToken
    fields = ("name", "role", "scope", "hint", "created_at", "expires_at", "revoked_at", "last_used_on")
    readonly_fields = fields
    extra = 0


@admin.register(User)
class UserAdmin(Audited, ModelAdmin):
    act = Act.USERS
    list_display = ("username", "name", "role", "is_active", "last_login", "telegram_id")
    list_filter = ("role", "is_active")
    search_fields = ("username", "name", "email")
    fields = (
        "username",
        "name",
        "email",
        "role",
        "is_active",
        "telegram_id",
        "slack_id",
        "single_keys",
        "last_login",
        "date_joined",
    )
    readonly_fields = ("last_login", "date_joined")
    inlines = (TokenInline,)
    actions = ("new_password", "lock_out")

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Any]", change: bool) -> None:
        """Somebody new gets a password that is shown once."""
        if not change and isinstance(obj, User):
            self._give_password(request, obj)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # what they did stays theirs; they are made inactive instead

    @admin.action(description="Give a new password, shown once")
    def new_password(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            self._give_password(request, user)
            user.save(update_fields=["password"])
            self._record(request, user, done="password")

    @admin.action(description="Lock out: no login, no token works")
    def lock_out(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users.filter(is_active=True):
            user.is_active = False
            user.save(update_fields=["is_active"])
            self._record(request, user, done="locked out")

    def _give_password(self, request: HttpRequest, user: User) -> None:
        password = secrets.token_urlsafe(15)
        user.set_password(password)
        self.message_user(request, f"The password of {user.username} is {password} and is not shown again.", messages.WARNING)


@admin.register(ApiToken)
class ApiTokenAdmin(Audited, ModelAdmin):
    act = Act.TOKENS
    list_display = ("name", "user", "role", "scope", "hint", "created_at", "expires_at", "revoked_at", "last_used_on")
    list_filter = ("scope", "role", "revoked_at")
    search_fields = ("name", "user__username", "hint")
    list_select_related = ("user",)
    fields = ("name", "user", "role", "scope", "expires_at")
    autocomplete_fields = ("user",)
    actions = ("revoke",)

    def save_model(self, request: HttpRequest, obj: Model, form: "ModelForm[Any]", change: bool) -> None:
        if isinstance(obj, ApiToken) and not change:
            secret = obj.renew()
            self.message_user(request, f"The token {obj.name} is {secret} and is not shown again.", messages.WARNING)
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is None  # a token is made and revoked, never altered under its owner

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.action(description="Revoke: it stops working at once")
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        for token in tokens.filter(revoked_at=None):
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
            self._record(request, token, done="revoked")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, ModelAdmin):
    list_display = ("at", "actor", "act", "object_kind", "object_id", "incident_ref", "via", "address", "refused")
    list_filter = ("via", "act", "refused", "at")
    search_fields = ("actor", "object_id", "incident_ref")
    show_full_result_count = False


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnly, ModelAdmin):
    list_display = ("last_id", "first_id", "entries", "digest", "sealed_at")
    ordering = ("-last_id",)
    show_full_result_count = False


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(ReadOnly, ModelAdmin):
    list_display = ("created_at", "caller", "key", "status")
    search_fields = ("caller", "key")
    show_full_result_count = False


@admin.register(AccessAttempt)
class AccessAttemptAdmin(Audited, ModelAdmin):
    """Wrong passwords. Deleting a row lets that person try again at once."""

    act = Act.USERS
    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("attempt_time", "username", "ip_address", "failures_since_start")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly, ModelAdmin):
    """Changed on the policy page, where one sees first what it would change."""

    list_display = ("at", "by", "reason")
    search_fields = ("by", "reason")
    ordering = ("-id",)
