"""An SMTP server for tests, which keeps what it accepts as files, and refuses, hangs and lies when told to.

catcher.py FOLDER SECURITY

SECURITY is none, starttls, tls, or tls-expired. Prints its port. FOLDER gets ca.pem, and <number>.eml for each mail. What it
does is read from FOLDER/mode for each command: accept (default), refuse, defer, hang, hang-after (accepts, and never says so),
no-auth (refuses credentials).
"""

import asyncio
import datetime
import ipaddress
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder, security = pathlib.Path(sys.argv[1]), sys.argv[2]
USER = "doorward"
PASSWORD = "correct horse"


def mode():
    try:
        return (folder / "mode").read_text()
    except FileNotFoundError:
        return "accept"


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, issuer, key, signer, until, ca):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


def tls_context():
    day = datetime.timedelta(days=1)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = certificate("test authority", "test authority", ca_key, ca_key, day, True)
    until = -day if security == "tls-expired" else day
    own = certificate("localhost", "test authority", key, ca_key, until, False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + own.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


class Handler:
    def __init__(self):
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode() == "refuse":
            return "550 5.1.1 no such user"
        if mode() == "defer":
            return "451 4.3.0 later"
        if mode() == "hang":
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = f"X-Envelope: {envelope.mail_from} {' '.join(envelope.rcpt_tos)}\r\n"
        temporary = folder / f"{self.count}.tmp"
        temporary.write_bytes(head.encode() + envelope.original_content)
        temporary.rename(folder / f"{self.count}.eml")
        if mode() == "hang-after":
            await asyncio.sleep(3600)
        return "250 2.0.0 kept"


def authenticate(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    # Not handled: the library answers.
    return AuthResult(success=is_right and mode() != "no-auth", handled=False)


async def main():
    context = tls_context()
    handler = Handler()
    starttls = security == "starttls"

    def session():
        return SMTP(
            handler,
            hostname="localhost",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            auth_required=security != "none",
            auth_require_tls=starttls,
            enable_SMTPUTF8=True,
        )

    implicit = context if security.startswith("tls") else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=implicit)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
