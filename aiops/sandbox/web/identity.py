"""The cluster's certificate and tokens, and the kubeconfig that tells them to clients."""

import os
import secrets
import ssl
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aiops.sandbox.cluster.accounts import RULES

CLUSTER = "sandbox"


@dataclass(frozen=True)
class Identity:
    """Kept with the state, so that clients of a restarted cluster need no new kubeconfig. kubectl sends tokens over TLS only."""

    certificate: str  # PEM, as is the key
    key: str
    tokens: dict[str, str]  # by account

    def tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_text(self.certificate + self.key)
            context.load_cert_chain(pair)
        return context


def new_identity() -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox-cluster")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        tokens={account: secrets.token_urlsafe(32) for account in RULES},
    )


def write_kubeconfig(path: Path, identity: Identity, server: str) -> None:
    """All accounts as contexts; the first one, which may do what a console needs, is the current one. Mode 0600, atomic."""
    contexts = {account: CLUSTER if i == 0 else f"{CLUSTER}-{account}" for i, account in enumerate(RULES)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": CLUSTER,
                "cluster": {"server": server, "certificate-authority-data": b64encode(identity.certificate.encode()).decode()},
            }
        ],
        "users": [{"name": account, "user": {"token": token}} for account, token in identity.tokens.items()],
        "contexts": [{"name": name, "context": {"cluster": CLUSTER, "user": account}} for account, name in contexts.items()],
        "current-context": CLUSTER,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:  # made with mode 0600
        yaml.safe_dump(document, file, sort_keys=False)
    os.replace(file.name, path)
