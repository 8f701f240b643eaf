"""Signed requests: HMAC-SHA256 of the raw body, in hexadecimal digits, with a secret that both sides know."""

import hashlib
import hmac


def signature_of(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(secret: str, body: bytes, given: str) -> bool:
    """Whether `given` is the signature of `body`, in constant time. Without a secret nothing is signed."""
    expected = signature_of(secret, body).encode()
    return bool(secret) and hmac.compare_digest(expected, given.strip().encode(errors="replace"))
