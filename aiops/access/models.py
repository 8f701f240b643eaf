"""People, their tokens, and the append-only record of what they did."""

import hashlib
import secrets
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from aiops import append_only
from aiops.access.roles import Role

TOKEN_PREFIX = "aiops_"


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(username, password, **{"role": Role.ADMIN, **fields})


class User(AbstractBaseUser):
    """A person. The role is all there is to permissions; Django admin is for admins."""

    username = models.CharField(max_length=150, unique=True, validators=[RegexValidator(r"^[\w.@+-]+$")])
    name = models.CharField(max_length=150, blank=True, help_text="How colleagues see this person")
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in Role], default=Role.VIEWER.value)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    telegram_id = models.BigIntegerField(null=True, blank=True, unique=True, help_text="Linked chat account")
    slack_id = models.CharField(max_length=40, null=True, blank=True, unique=True)
    single_keys = models.BooleanField(default=True, help_text="Single-key shortcuts in the dashboard")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @property
    def initials(self) -> str:
        words = str(self).replace(".", " ").replace("_", " ").split()
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == Role.ADMIN

    @property
    def is_staff(self) -> bool:
        return self.is_admin

    @property
    def is_superuser(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_admin

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_admin


class ApiToken(models.Model):
    """A bearer token: of a person (their role is the ceiling, their acts are theirs) or of a service (signs nothing).

    Only the SHA-256 of the 256-bit secret is kept; the secret is shown once.
    """

    class Scope(models.TextChoices):
        API = "api"
        WEBHOOKS = "webhooks"

    name = models.CharField(max_length=100)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="tokens")
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in Role], default=Role.VIEWER.value)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.API)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False, help_text="First characters, to recognise it by")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(revoked_at=None), name="access_token_live_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    @classmethod
    def issue(cls, name: str, **fields: Any) -> tuple["ApiToken", str]:
        """A new token and its secret, which nobody can read again."""
        token = cls(name=name, **fields)
        secret = token.renew()
        token.save()
        return token, secret

    def renew(self) -> str:
        """Give it a new secret, before it is saved for the first time."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self.digest, self.hint = self.digest_of(secret), secret[:10]
        return secret


class PolicyVersion(models.Model):
    """The policy as an admin saved it, whole: `{"approvals": {field: value}, "learning": {field: value}}`.

    The newest row wins over the environment. No row: the environment holds.
    """

    values = models.JSONField()
    reason = models.CharField(max_length=500)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"policy of {self.at:%Y-%m-%d %H:%M}"


class AuditEntry(models.Model):
    """One act: who, by which way, from where, on what, and what they saw. Never changed, never deleted."""

    at = models.DateTimeField(default=timezone.now, db_index=False)
    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    actor = models.CharField(max_length=150)
    via = models.CharField(max_length=12)
    address = models.CharField(max_length=64, blank=True)
    act = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=80)
    incident_ref = models.CharField(max_length=20, blank=True)
    refused = models.BooleanField(default=False)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_kind", "object_id", "-id"], name="access_audit_object"),
            models.Index(fields=["actor", "-id"], name="access_audit_actor"),
        ]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"{self.actor} {self.act} {self.object_kind} {self.object_id}"


class AuditSeal(models.Model):
    """A link of the hash chain over audit entries: SHA-256 of the previous seal and of the entries up to `last_id`."""

    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField(unique=True)
    entries = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["last_id"]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"{self.first_id}-{self.last_id}"


class IdempotentAnswer(models.Model):
    """What a POST with an `Idempotency-Key` was answered; the same key of the same caller gets the same answer."""

    caller = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while the first request is still at work")
    content_type = models.CharField(max_length=80, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="access_idempotent_once")]
        indexes = [models.Index(fields=["created_at"], name="access_idempotent_age")]  # the nightly removal

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
