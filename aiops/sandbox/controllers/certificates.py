"""cert-manager: certificates are renewed when their `Issuing` condition says so, or when their time has come."""

from dataclasses import dataclass, field
from datetime import timedelta

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, Ref, dig, is_true, parse_stamp, ref_of, stamp, with_condition
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store

ISSUE_S = 15.0
LIFE = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
LOOK_S = 60.0


@dataclass
class CertificateController:
    store: Store
    events: Recorder
    clock: Clock
    stuck: set[Ref] = field(default_factory=set)  # whose renewal does not begin by itself
    _issuing: dict[Ref, float] = field(default_factory=dict)

    def reconcile(self, certificate: Document) -> float | None:
        ref = ref_of(certificate)
        if is_true(certificate, "Issuing"):
            begun = self._issuing.setdefault(ref, self.clock.elapsed)
            if self.clock.elapsed < begun + ISSUE_S:
                return begun + ISSUE_S - self.clock.elapsed
            del self._issuing[ref]
            self._issue(certificate)
            return LOOK_S
        now = self.store.now()
        renewal = dig(certificate, "status", "renewalTime")
        if renewal and parse_stamp(renewal) <= now and ref not in self.stuck:
            words = "Renewing certificate as renewal was scheduled"
            conditions = dig(certificate, "status", "conditions") or []
            conditions = with_condition(conditions, "Issuing", "True", at=now, reason="Renewing", message=words)
            self.store.put_status(r.CERTIFICATES, certificate, certificate["status"] | {"conditions": conditions})
            return ISSUE_S
        ends = dig(certificate, "status", "notAfter")
        if ends and parse_stamp(ends) <= now and is_true(certificate, "Ready"):
            conditions = certificate["status"]["conditions"]
            words = f"Certificate expired on {ends}"
            conditions = with_condition(conditions, "Ready", "False", at=now, reason="Expired", message=words)
            self.store.put_status(r.CERTIFICATES, certificate, certificate["status"] | {"conditions": conditions})
        return LOOK_S

    def _issue(self, certificate: Document) -> None:
        now, ref = self.store.now(), ref_of(certificate)
        self.stuck.discard(ref)
        conditions = [one for one in certificate["status"].get("conditions") or [] if one["type"] != "Issuing"]
        words = "Certificate is up to date and has not expired"
        conditions = with_condition(conditions, "Ready", "True", at=now, reason="Ready", message=words)
        status = certificate["status"] | {
            "conditions": conditions,
            "notBefore": stamp(now),
            "notAfter": stamp(now + LIFE),
            "renewalTime": stamp(now + LIFE - RENEW_BEFORE),
            "revision": int(certificate["status"].get("revision") or 0) + 1,
        }
        self.store.put_status(r.CERTIFICATES, certificate, status)
        self.events.normal(
            certificate, "Issuing", "The certificate has been successfully issued", "cert-manager-certificates-issuing"
        )

    def end_of(self, certificate: Document) -> float:
        """Seconds of the wall's epoch."""
        text = dig(certificate, "status", "notAfter")
        return parse_stamp(text).timestamp() if text else 0.0
