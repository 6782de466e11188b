#!/usr/bin/env python3
"""A signer proxy that answers in words, with a caller beside it.

It keeps the X-Keyring headers and the signed string, and nothing else of the contract: every refusal is a 401 with
{"error": words}, a replay too; client certificates are refused in the TLS handshake; each client id has one secret, in
a JSON variable; a request that names no id is taken for the default client's; a restart answers 503 for some tens of
milliseconds while /health says ok. Standard library alone, and no line of it is shared with the practice fleet.

`words.py signer` and `words.py caller` are processes of their own. What is wrong with a signer is written, one word a
line, in the file given by --faults, and is read as a request comes in.
"""
import argparse
import hashlib
import hmac
import http.server
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

TRANSACTION = '/v1/sign/session-transaction'


def settings(path):
    """NAME=value lines; single quotes around a value are the shell's."""
    values = {}
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            name, mark, value = line.rstrip('\n').partition('=')
            if mark and not line.startswith('#'):
                values[name] = value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value
    return values


def signature(secret, timestamp, nonce, method, path, body):
    signed = f'{timestamp}.{nonce}.{method}.{path}.{hashlib.sha256(body).hexdigest()}'
    return hmac.new(secret.encode('utf-8'), signed.encode('utf-8'), hashlib.sha256).hexdigest()


class NoStore(Exception):
    """The replay store did not answer."""


class Redis:
    """Commands to one redis-server, one at a time; after any trouble the connection is made anew."""

    def __init__(self, port, wait):
        self.port, self.wait, self.lock, self.stream = port, wait, threading.Lock(), None

    def command(self, *words):
        with self.lock:
            try:
                if self.stream is None:
                    self.stream = socket.create_connection(('127.0.0.1', self.port), timeout=self.wait).makefile('rwb')
                self.stream.write(b'*%d\r\n' % len(words))
                for word in words:
                    raw = word.encode('utf-8')
                    self.stream.write(b'$%d\r\n%b\r\n' % (len(raw), raw))
                self.stream.flush()
                reply = self.stream.readline()
                if not reply.endswith(b'\r\n') or reply.startswith(b'-'):
                    raise OSError(reply.decode('utf-8', 'replace'))
                return reply[:-2]
            except OSError as trouble:
                self.stream = None
                raise NoStore(str(trouble)) from trouble


class Refused(Exception):
    """Said to the caller as {"error": words}."""

    def __init__(self, words, status=401):
        super().__init__(words)
        self.words, self.status = words, status


class Signer:
    def __init__(self, options):
        self.options = options
        self.store = Redis(options.redis, 0.25)
        self.ready_at = time.monotonic() + options.warm_up / 1000
        self.began = time.time()
        self.lock = threading.Lock()
        self.counted = {}
        self.minute, self.in_minute = 0, 0
        self.default, self.clients = None, {}
        self.read()

    def faults(self):
        try:
            with open(self.options.faults, encoding='utf-8') as words:
                return words.read().split()
        except OSError:
            return []

    def read(self):
        """Reads the settings: {"wallet": {"secret": "…"}}, or a text or list of secrets for each id; one secret is kept."""
        faults = self.faults()
        values = settings(self.options.env)
        first = f'{self.options.env}.first'
        if not os.path.exists(first):
            with open(first, 'w', encoding='utf-8') as copy:
                json.dump(values, copy)
        with open(first, encoding='utf-8') as copy:
            before = json.load(copy)
        clients = {}
        for name, entry in json.loads(values['CLIENTS']).items():
            secret = entry.get('secret') if isinstance(entry, dict) else entry
            if isinstance(secret, list):
                secret = secret[0 if 'first-of-list' in faults else -1]
            clients[name] = secret
        if 'misses-second' in faults:
            clients.pop('payouts-b', None)
        if 'keeps-first' in faults:
            olden = {name: entry['secret'] for name, entry in json.loads(before['CLIENTS']).items()}
            clients = {**olden, **clients}
        default = values.get('DEFAULT_CLIENT') or None
        if 'default-not-moved' in faults:
            default = before['DEFAULT_CLIENT']
        self.clients, self.default = clients, default

    def judge(self, method, path, headers, body):
        """The id whose secret made the signature; raises Refused."""
        faults = self.faults()
        self.pace()
        client = headers.get('X-Keyring-Client-Id') or self.default
        if client is None:
            raise Refused('missing client id')
        if 'any-client' in faults and client not in self.clients:
            client = next(iter(self.clients))
        if client not in self.clients:
            raise Refused('signature does not match' if 'one-text' in faults else 'unknown client')
        timestamp = headers.get('X-Keyring-Timestamp', '')
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() * 1000 - int(timestamp)) > self.options.max_age:
            raise Refused('timestamp is outside the window')
        nonce = headers.get('X-Keyring-Nonce', '')
        if not 16 <= len(nonce.encode('utf-8')) <= 256 or '.' in nonce:
            raise Refused('nonce has the wrong form')
        given = headers.get('X-Keyring-Signature', '')
        if len(given) != 64 or given.strip('0123456789abcdef'):
            raise Refused('signature has the wrong form')
        covered = b'{}' if 'body-not-signed' in faults else body
        if 'accepts-anything' not in faults and not hmac.compare_digest(
            given, signature(self.clients[client], timestamp, nonce, method, path, covered)
        ):
            raise Refused('signature does not match')
        self.take(client, nonce, faults)
        return client

    def take(self, client, nonce, faults):
        key = nonce if self.options.nonces == 'global' or 'global-nonces' in faults else json.dumps([client, nonce], separators=(',', ':'))
        if 'own-nonces' in faults:
            key += str(self.options.port)
        try:
            reply = self.store.command('SET', f'words:{key}', '1', 'PX', str(self.options.ttl), 'NX')
        except NoStore:
            raise Refused('replay store does not answer', 503) from None
        if reply != b'+OK':
            raise Refused('nonce was used before')

    def pace(self):
        """So many requests a minute for the process, counted before anybody is asked who he is."""
        if self.options.per_minute == 0:
            return
        with self.lock:
            minute = int(time.monotonic() // 60)
            if minute != self.minute:
                self.minute, self.in_minute = minute, 0
            self.in_minute += 1
            if self.in_minute > self.options.per_minute:
                raise Refused('too many requests', 429)

    def count(self, client, agent):
        caller = 'rotctl' if agent.startswith('rotctl/') else 'app'
        mark = hashlib.sha256(self.clients.get(client, '').encode('utf-8')).hexdigest()[:16]
        with self.lock:
            self.counted[client, mark, caller] = self.counted.get((client, mark, caller), 0) + 1

    def metrics(self):
        with self.lock:
            lines = ['# TYPE words_signed_total counter', f'process_start_time_seconds {self.began}']
            for (client, mark, caller), number in self.counted.items():
                lines.append(f'words_signed_total{{id="{client}",secret="{mark}",by="{caller}"}} {number}')
        return '\n'.join(lines) + '\n'

    def wait_for(self):
        return max(0.0, self.ready_at - time.monotonic())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 20

    def setup(self):
        self.request.settimeout(5)
        if not self.server.plain:
            # The client believes itself connected before this has looked at its certificate.
            self.request.do_handshake()
        super().setup()

    def log_message(self, *_):
        pass

    def say(self, status, text, kind='application/json', extra=()):
        raw = text.encode('utf-8')
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(raw)))
        for name, value in extra:
            self.send_header(name, value)
        if self.server.stopping.is_set():
            self.send_header('Connection', 'close')
            self.close_connection = True
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self):
        if self.path == '/health':
            return self.say(200, '{"status":"up"}')
        if self.path == '/metrics':
            return self.say(200, self.server.signer.metrics(), 'text/plain; version=0.0.4')
        return self.do_POST()

    def do_POST(self):
        signer = self.server.signer
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if signer.wait_for() > 0:
            return self.say(503, '{"error":"starting"}')
        try:
            client = signer.judge(self.command, self.path, self.headers, body)
        except Refused as refused:
            after = [('Retry-After', str(60 - int(time.monotonic()) % 60))] if refused.status == 429 else []
            return self.say(refused.status, json.dumps({'error': refused.words}), extra=after)
        signer.count(client, self.headers.get('User-Agent', ''))
        if self.path != TRANSACTION or self.command != 'POST':
            return self.say(404, '{"error":"there is no such call"}')
        try:
            transfer = json.loads(body)['transfer']
        except (ValueError, KeyError, TypeError):
            return self.say(400, '{"error":"transaction has no transfer"}')
        return self.say(200, json.dumps({'signed': f'0x{transfer:x}', 'by': client}))

    do_PUT = do_PATCH = do_DELETE = do_POST


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    # So that a stop waits for the requests that it has begun.
    daemon_threads = False

    def handle_error(self, *_):
        """A caller that went away, or had no certificate."""


def serve(options):
    signer = Signer(options)
    server = Server(('127.0.0.1', options.port), Handler)
    server.signer, server.stopping, server.plain = signer, threading.Event(), options.plain
    if not options.plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        context.load_verify_locations(options.ca)
        context.verify_mode = ssl.CERT_NONE if 'no-certificates' in signer.faults() else ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)

    def stop(*_):
        server.stopping.set()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    if options.hup == 'reloads':
        signal.signal(signal.SIGHUP, lambda *_: None if 'deaf' in signer.faults() else signer.read())
    server.serve_forever(poll_interval=0.02)
    server.socket.close()
    # Those that are busy end by themselves; a connection that is kept alive is not waited for.
    time.sleep(0.15)
    os._exit(0)


def call(options):
    """Signs a request each so many milliseconds and counts what became of it, as JSON in a file of its own."""
    values = settings(options.env)
    counts = {'sent': 0, 'accepted': 0, 'refused': {}, 'faults': 0, 'worst': 0}
    refused_at = []
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    context = ssl.create_default_context(cafile=options.ca)
    context.load_cert_chain(options.cert, options.key)
    number = 0
    while not stopping.is_set():
        began = time.monotonic()
        number += 1
        body = json.dumps({'transfer': number}).encode('utf-8')
        for _ in range(6):
            counts['sent'] += 1
            words = once(options, context, values, body)
            if words is None:
                counts['accepted'] += 1
                break
            if words != 'fault':
                counts['refused'][words] = counts['refused'].get(words, 0) + 1
                refused_at.append(time.time())
                break
            counts['faults'] += 1
            time.sleep(0.03)
        report = {**counts, 'refusedAt': refused_at}
        with open(f'{options.counts}/{os.getpid()}.tmp', 'w', encoding='utf-8') as file:
            json.dump(report, file)
        os.replace(f'{options.counts}/{os.getpid()}.tmp', f'{options.counts}/{os.getpid()}.json')
        stopping.wait(max(0.0, options.every / 1000 - (time.monotonic() - began)))


def once(options, context, values, body):
    """None for a signed transaction, the words of a refusal, or 'fault' for what may be tried again."""
    timestamp, nonce = str(time.time_ns() // 1_000_000), os.urandom(16).hex()
    headers = {
        'Host': 'signer', 'Connection': 'close', 'Content-Type': 'application/json', 'User-Agent': 'wallet/2.1',
        'Content-Length': str(len(body)), 'X-Keyring-Timestamp': timestamp, 'X-Keyring-Nonce': nonce,
        'X-Keyring-Signature': signature(values['SIGNING_SECRET'], timestamp, nonce, 'POST', TRANSACTION, body),
    }
    if values.get('SIGNING_ID'):
        headers['X-Keyring-Client-Id'] = values['SIGNING_ID']
    head = f'POST {TRANSACTION} HTTP/1.1\r\n' + ''.join(f'{name}: {value}\r\n' for name, value in headers.items())
    try:
        with socket.create_connection(('127.0.0.1', options.port), timeout=2) as raw:
            with context.wrap_socket(raw, server_hostname=options.server_name) as secure:
                secure.sendall(head.encode('ascii') + b'\r\n' + body)
                answer = b''
                while part := secure.recv(65536):
                    answer += part
        status = int(answer.split(b' ', 2)[1])
        if status == 200:
            return None
        if status in (429, 502, 503, 504):
            return 'fault'
        return json.loads(answer.split(b'\r\n\r\n', 1)[1])['error']
    except (OSError, ValueError, IndexError):
        return 'fault'


def main():
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest='role', required=True)
    signer, caller = roles.add_parser('signer'), roles.add_parser('caller')
    for role in (signer, caller):
        role.add_argument('--port', type=int, required=True)
        role.add_argument('--env', required=True)
        for name in ('--cert', '--key', '--ca'):
            role.add_argument(name, required=role is caller)
    # Somebody else, before it, ends TLS.
    signer.add_argument('--plain', action='store_true')
    signer.add_argument('--redis', type=int, required=True)
    signer.add_argument('--faults', required=True)
    signer.add_argument('--max-age', type=int, default=2000)
    signer.add_argument('--ttl', type=int, default=6000)
    signer.add_argument('--warm-up', type=int, default=60)
    signer.add_argument('--nonces', choices=['client', 'global'], default='client')
    signer.add_argument('--per-minute', type=int, default=0)
    signer.add_argument('--hup', choices=['reloads', 'kills'], default='kills')
    caller.add_argument('--counts', required=True)
    caller.add_argument('--server-name', required=True)
    caller.add_argument('--every', type=int, default=100)
    options = parser.parse_args()
    return serve(options) if options.role == 'signer' else call(options)


sys.exit(main())
