"""Upstreams that speak TLS: their contexts and certificates, and scripts that tell what they have seen."""
import datetime
import functools
import select
import socket
import ssl
import struct
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from . import h2, h2_upstream, tls
from .messages import reply
from .wait import DEADLINE


def context(identity='a.test', clients=None, pem=None, **options):
    """A server's context; `clients`: the authority of the certificates that it asks clients for."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b''.join(pem or tls.pem(identity)))
        file.flush()
        made.load_cert_chain(file.name)
    if clients:
        tls.authority(clients).configure_trust(made)
        made.verify_mode = ssl.CERT_OPTIONAL
    for name, value in options.items():
        setattr(made, name, value)
    made.sni_callback = _note_name
    return made


def _note_name(sock, name, _):
    sock.context.names = [*getattr(sock.context, 'names', []), name]


def names(made):
    """The server names that clients of a context have asked for, None where there was none."""
    return getattr(made, 'names', [])


def seen(sock):
    """What a handshake has agreed on, as the upstream sees it."""
    certificate = sock.getpeercert()
    subject = dict(pair for part in (certificate or {}).get('subject', ()) for pair in part)
    return {'version': sock.version(), 'cipher': sock.cipher()[0], 'reused': sock.session_reused,
            'client': subject.get('commonName')}


def telling(close=True):
    """A script that answers with what it has seen; `close`: one answer for each connection."""
    def script(peer, upstream):
        while (request := peer.request()) is not None:
            upstream.requests.append(request)
            told = seen(peer.socket)
            peer.send(reply('|'.join(str(told[key]) for key in ('version', 'reused', 'client')),
                            headers=[('X-Cipher', told['cipher']), *([('Connection', 'close')] if close else [])]))
            if close:
                return
    return script


def telling_by_http2(peer, upstream):
    """As telling(): one answer for each connection, which says that it is the last."""
    served = h2_upstream.Served(peer)
    if (request := served.request()) is None:
        return
    upstream.requests.append(request)
    told = seen(peer.socket)
    served.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', request.stream, h2.NO_ERROR)))
    served.answer(request, '|'.join(str(told[key]) for key in ('version', 'reused', 'client')).encode(), fields=[('x-cipher', told['cipher'])])
    served.rest()


def _key_of(ca):
    return serialization.load_pem_private_key(tls.authority(ca).private_key_pem.bytes(), None)


def _certificate_of(ca):
    return x509.load_pem_x509_certificate(tls.authority(ca).cert_pem.bytes())


def _sign(name, issuer, days=(-9, 30), is_authority=False):
    """(certificate, key) by an issuer of the same kind."""
    issuer_certificate, issuer_key = issuer
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder()
               .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])).issuer_name(issuer_certificate.subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
               .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True))
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()), key


def _pem(chain, key):
    pem_key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return b''.join(one.public_bytes(serialization.Encoding.PEM) for one in chain), pem_key


@functools.cache
def expired(name, ca='main'):
    """Certificate and key of somebody whose time is over."""
    made, key = _sign(name, (_certificate_of(ca), _key_of(ca)), days=(-9, -1))
    return _pem([made], key)


def revocations(*pems, ca='main', is_old=False):
    """A list of an authority's that revokes these certificates; `is_old`: its next one is overdue."""
    now = datetime.datetime.now(datetime.timezone.utc)
    due = now - datetime.timedelta(hours=1) if is_old else now + datetime.timedelta(days=1)
    builder = (x509.CertificateRevocationListBuilder().issuer_name(_certificate_of(ca).subject)
               .last_update(now - datetime.timedelta(days=1)).next_update(due))
    for pem in pems:
        serial = x509.load_pem_x509_certificate(pem).serial_number
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - datetime.timedelta(hours=2)).build())
    return builder.sign(_key_of(ca), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@functools.cache
def behind_two(name):
    """Chain and key of a certificate with two authorities between it and the main one."""
    upper = _sign('upper authority', (_certificate_of('main'), _key_of('main')), is_authority=True)
    lower = _sign('lower authority', upper, is_authority=True)
    made, key = _sign(name, lower)
    return _pem([made, lower[0], upper[0]], key)


def telling_once():
    """As telling(), but the connection ends without a word of it in the head."""
    def script(peer, upstream):
        upstream.requests.append(peer.request())
        peer.send(reply('once'))
    return script


def encrypted(key, password):
    """A private key, locked."""
    loaded = serialization.load_pem_private_key(key, None)
    return loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.BestAvailableEncryption(password))


def slow(made, seconds):
    """A context whose handshakes take so long, where clients tell a name."""
    def wait(sock, name, _):
        threading.Event().wait(seconds)
        _note_name(sock, name, _)
    made.sni_callback = wait
    return made


def send_raw(peer, data):
    """Bytes that are no records, in the midst of them; then the end."""
    with socket.socket(fileno=peer.socket.detach()) as plain:
        plain.sendall(data)


def dribbling(port):
    """A script that stands in front of another server and hands its bytes on one by one."""
    def script(peer, _):
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with socket.create_connection(('127.0.0.1', port)) as inner:
            while True:
                readable, _, _ = select.select([peer.socket, inner], [], [], DEADLINE)
                if peer.socket in readable:
                    data = peer.socket.recv(65536)
                    if not data:
                        return
                    inner.sendall(data)
                if inner in readable:
                    data = inner.recv(65536)
                    if not data:
                        return
                    for byte in data:
                        peer.socket.sendall(bytes([byte]))
    return script
