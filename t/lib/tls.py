"""TLS for tests: an authority with certificates made per run, and clients that speak TLS."""
import datetime
import functools
import re
import socket
import ssl
import subprocess
import tempfile

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .client import Connection
from .wait import DEADLINE


def authority(name='main'):
    """A certificate authority; another name is another one."""
    return _authority(name)


@functools.cache
def _authority(name):
    return trustme.CA(organization_name=f'tests of {name}')


@functools.cache
def _signer(ca):
    """To load a key takes long: OpenSSL checks it."""
    return serialization.load_pem_private_key(authority(ca).private_key_pem.bytes(), None)


def _issue_ecdsa(names, ca, extensions=()):
    """Debian's trustme knows RSA only; its authority signs other keys as well."""
    signer = _signer(ca)
    issuer = x509.load_pem_x509_certificate(authority(ca).cert_pem.bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (x509.CertificateBuilder()
             .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])).issuer_name(issuer.subject)
             .public_key(key.public_key()).serial_number(x509.random_serial_number())
             .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
             .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
             .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False))
    for extension in extensions:
        built = built.add_extension(extension, critical=False)
    made = built.sign(signer, hashes.SHA256())
    pem_key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), pem_key


def pem(identity, ca='main', rsa=False):
    """Certificate (with its chain) and key for names separated by commas, as PEM: the same ones for the whole run."""
    return _pem(identity, ca, rsa)


@functools.cache
def _pem(identity, ca, rsa):
    names = identity.split(',')
    if not rsa:
        return _issue_ecdsa(names, ca)
    made = authority(ca).issue_cert(*names, common_name=names[0])
    return b''.join(blob.bytes() for blob in made.cert_chain_pems), made.private_key_pem.bytes()


def files(*identities, ca='main', rsa=False):
    """Files for a server: NAME.pem and NAME.key for each first name, and ca.pem."""
    made = {'conf/ca.pem': authority(ca).cert_pem.bytes()}
    for identity in identities:
        name = identity.split(',')[0]
        made[f'conf/{name}.pem'], made[f'conf/{name}.key'] = pem(identity, ca, rsa)
    return made


def context(ca='main', client=None, alpn=(), **options):
    """A client's context that trusts an authority; `client`: the identity of its own certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    else:
        authority(ca).configure_trust(made)
    if client:
        load_pem(made, b''.join(pem(client, options.pop('client_ca', 'main'))))
    if alpn:
        made.set_alpn_protocols(list(alpn))
    for name, value in options.items():
        setattr(made, name, value)
    return made


class SecureConnection(Connection):
    """A client's connection that has shaken hands."""

    def __init__(self, address, tls=None, name='a.test', session=None, **options):
        super().__init__(address, **options)
        self.plain = self.socket
        self.socket = (tls or context()).wrap_socket(self.plain, server_hostname=name, session=session)

    def _more(self):
        try:
            return super()._more()
        except ssl.SSLZeroReturnError:
            return b''

    def close_notify(self):
        """Says that nothing more will come, and waits for the same; returns the plain socket."""
        self.plain = self.socket.unwrap()
        return self.plain


def connect(server, port='main', **options):
    """A secure connection to a server under audit."""
    connection = SecureConnection(('127.0.0.1', server.port(port)), **options)
    server._connections.append(connection)
    return connection


def handshake_error(server, port='main', **options):
    """The reason why a handshake fails; it must."""
    try:
        with connect(server, port, **options):
            pass
    except (ssl.SSLError, ConnectionResetError) as problem:
        return getattr(problem, 'reason', None) or str(problem)
    raise AssertionError('the handshake succeeded')


def named_authorities(server, port='main', name='a.test'):
    """What a client that shows no certificate is told: who may have signed one."""
    said = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{server.port(port)}', '-servername', name], input=b'', check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()
    return re.search(r'Acceptable client certificate CA names\n(.*?)\n(?:Requested|Client Certificate Types)', said, re.S)[1]


def raw_socket(server, port='main'):
    """A plain connection, for bytes that are no proper TLS."""
    made = socket.create_connection(('127.0.0.1', server.port(port)), DEADLINE)
    made.settimeout(DEADLINE)
    return made


def _authority_key(ca='main'):
    return (serialization.load_pem_private_key(authority(ca).private_key_pem.bytes(), None),
            x509.load_pem_x509_certificate(authority(ca).cert_pem.bytes()))


def crl(identity, ca='main', days=1):
    """A list of withdrawn certificates, with one of them, that is good for so many days from now on."""
    key, issuer = _authority_key(ca)
    now = datetime.datetime.now(datetime.timezone.utc)
    withdrawn = (x509.RevokedCertificateBuilder().serial_number(x509.load_pem_x509_certificate(pem(identity, ca)[0]).serial_number)
                 .revocation_date(now - datetime.timedelta(hours=1)).build())
    made = (x509.CertificateRevocationListBuilder().issuer_name(issuer.subject).last_update(now - datetime.timedelta(days=2))
            .next_update(now + datetime.timedelta(days=days)).add_revoked_certificate(withdrawn).sign(key, hashes.SHA256()))
    return made.public_bytes(serialization.Encoding.PEM)


def chain(identity, ca='main'):
    """A certificate of an authority that the authority has signed, with that one's, and its key, as PEM."""
    made = authority(ca).create_child_ca().issue_cert(identity, common_name=identity)
    return b''.join(blob.bytes() for blob in made.cert_chain_pems) + made.private_key_pem.bytes()


def load_pem(to, text):
    """Gives a client's context the certificate and key of a PEM text."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        to.load_cert_chain(file.name)


def locked_key(identity, password, ca='main'):
    """The key of an identity, encrypted."""
    key = serialization.load_pem_private_key(pem(identity, ca)[1], None)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(password))


def own_pem(ca='main'):
    """Certificate and key of an authority, as PEM."""
    return authority(ca).cert_pem.bytes() + authority(ca).private_key_pem.bytes()


def status_signer(ca='main'):
    """Certificate and key of one whom an authority lets answer for it (RFC 6960 §4.2.2.2), as PEM."""
    return b''.join(_issue_ecdsa(['status'], ca, [x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING])]))


def serial(certificate):
    """The number of a certificate (PEM, or an identity's) as `openssl ca` writes it."""
    certificate = certificate if isinstance(certificate, bytes) else pem(certificate)[0]
    number = f'{x509.load_pem_x509_certificate(certificate).serial_number:X}'
    return number if len(number) % 2 == 0 else f'0{number}'
