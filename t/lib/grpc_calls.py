"""A gRPC service and its client, both of grpcio, without generated code: messages are bytes."""
import concurrent.futures
import contextlib
import threading

import grpc

from . import tls
from .wait import DEADLINE

OPTIONS = (('grpc.max_receive_message_length', -1), ('grpc.so_reuseport', 0))


class Service(grpc.GenericRpcHandler):
    """echo.Echo: what each method does, its name says. Keeps the metadata and peers of all calls."""

    def __init__(self):
        self.metadata, self.peers, self.cancelled = [], [], threading.Event()

    def service(self, details):
        self.metadata.append(details.invocation_metadata)
        kinds = {'Unary': grpc.unary_unary_rpc_method_handler, 'Fail': grpc.unary_unary_rpc_method_handler,
                 'Split': grpc.unary_stream_rpc_method_handler, 'Wait': grpc.unary_stream_rpc_method_handler,
                 'Join': grpc.stream_unary_rpc_method_handler, 'Chat': grpc.stream_stream_rpc_method_handler}
        name = details.method.rpartition('/')[2]
        return kinds[name](getattr(self, name.lower())) if name in kinds else None

    def unary(self, request, context):
        self.peers.append(context.peer())
        context.send_initial_metadata((('x-initial', 'one'),))
        context.set_trailing_metadata((('x-trailing', 'two'), ('x-bytes-bin', b'\x00\xff')))
        return b'echo:' + request

    def fail(self, request, context):
        context.set_trailing_metadata((('x-why', 'so'),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, 'no: ' + request.decode())

    def split(self, request, context):
        for byte in request:
            yield bytes([byte])

    def join(self, requests, context):
        return b','.join(requests)

    def chat(self, requests, context):
        for request in requests:
            yield request.upper()

    def wait(self, request, context):
        """Begins, and goes on until the client leaves."""
        context.add_callback(self.cancelled.set)
        yield b'begun'
        self.cancelled.wait(DEADLINE)


@contextlib.contextmanager
def serving(identity=None):
    """(service, port) of a server; `identity`: whose certificate it shows."""
    service = Service()
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        server = grpc.server(pool, handlers=(service,), options=OPTIONS)
        if identity:
            certificate, key = tls.pem(identity)
            credentials = grpc.ssl_server_credentials([(key, certificate)])
            port = server.add_secure_port('127.0.0.1:0', credentials)
        else:
            port = server.add_insecure_port('127.0.0.1:0')
        server.start()
        try:
            yield service, port
        finally:
            service.cancelled.set()
            server.stop(0).wait(DEADLINE)


class Client:
    def __init__(self, channel):
        self.unary = channel.unary_unary('/echo.Echo/Unary')
        self.fail = channel.unary_unary('/echo.Echo/Fail')
        self.missing = channel.unary_unary('/echo.Echo/Missing')
        self.split = channel.unary_stream('/echo.Echo/Split')
        self.wait = channel.unary_stream('/echo.Echo/Wait')
        self.join = channel.stream_unary('/echo.Echo/Join')
        self.chat = channel.stream_stream('/echo.Echo/Chat')


@contextlib.contextmanager
def client(port, name=None):
    """`name`: by TLS, with a server that must be that."""
    options = (*OPTIONS, ('grpc.use_local_subchannel_pool', 1))
    if name:
        credentials = grpc.ssl_channel_credentials(tls.authority().cert_pem.bytes())
        channel = grpc.secure_channel(f'127.0.0.1:{port}', credentials, (*options, ('grpc.ssl_target_name_override', name)))
    else:
        channel = grpc.insecure_channel(f'127.0.0.1:{port}', options)
    with channel:
        yield Client(channel)
