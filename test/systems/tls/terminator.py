#!/usr/bin/env python3
"""A TLS terminator that demands client certificates, with Python's ssl module alone, before another TLS server."""
import argparse
import select
import socket
import ssl
import threading

parser = argparse.ArgumentParser()
for name in ('cert', 'key', 'ca', 'version'):
    parser.add_argument(f'--{name}', required=True)
parser.add_argument('--to', type=int, required=True)
arguments = parser.parse_args()

front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
front.load_cert_chain(arguments.cert, arguments.key)
front.load_verify_locations(arguments.ca)
front.verify_mode = ssl.CERT_REQUIRED
front.minimum_version = front.maximum_version = getattr(ssl.TLSVersion, arguments.version)
back = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
back.check_hostname = False
back.verify_mode = ssl.CERT_NONE


def relay(near, far):
    """Both ways in one thread: a TLS connection is not to be read and written by two."""
    while True:
        ready = [one for one in (near, far) if one.pending()] or select.select([near, far], [], [], 60)[0]
        for one in ready:
            one.setblocking(False)
            try:
                data = one.recv(65536)
            except ssl.SSLWantReadError:
                continue
            finally:
                one.setblocking(True)
            if not data:
                return
            (far if one is near else near).sendall(data)


def serve(raw):
    try:
        with front.wrap_socket(raw, server_side=True) as near:
            with back.wrap_socket(socket.create_connection(('127.0.0.1', arguments.to))) as far:
                relay(near, far)
    except OSError:
        raw.close()


listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
