"""Clients that come back to their TLS sessions."""
import ssl

from . import tls


class Client:
    """A client that comes back to the session it got last. The site answers with $ssl_session_reused, and more behind a |."""

    def __init__(self, site, version=ssl.TLSVersion.TLSv1_3, tickets=True, port='main'):
        self.port = port
        self.site = site
        self.context = tls.context(minimum_version=version, maximum_version=version)
        if not tickets:
            self.context.options |= ssl.OP_NO_TICKET
        self.session = None

    def visit(self, name='a.test'):
        """Whether the session was resumed."""
        with tls.connect(self.site, self.port, tls=self.context, name=name, session=self.session) as c:
            response = c.get('/', host=name)
            self.response = response.text.split('|')
            self.session = c.socket.session
            assert name == 'b.test' or (self.response[0] == 'r') == c.socket.session_reused
            return c.socket.session_reused
