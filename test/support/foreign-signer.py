#!/usr/bin/env python3
"""An independent signer of the wire protocol keyring-v1, with a balancer, a client and a starter beside it.

Written from the protocol's description alone, with Python's standard library; it shares no line with the practice
fleet. Roles: `signer`, `client`, `balancer`, each a process of its own, and `ctl start|stop|restart|reload UNIT`, which
starts them from a unit file (JSON: argv, log, pid file, port) the way a service manager would.

Whatever is wrong with a signer is written, one word a line, in its fault file, and is read at every request.
"""
import argparse
import hashlib
import hmac
import json
import os
import random
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

ERRORS = {
    'AUTH_INVALID_CLIENT': 401, 'AUTH_MTLS_REQUIRED': 403, 'AUTH_TIMESTAMP_SKEW': 401, 'AUTH_INVALID_NONCE': 400,
    'AUTH_INVALID_SIGNATURE_FORMAT': 400, 'AUTH_INVALID_HMAC': 401, 'REPLAY_NONCE_USED': 409,
    'SIGNER_UNAVAILABLE': 503, 'INTERNAL_ERROR': 500, 'POLICY_CALL_NOT_ALLOWED': 422,
}
PATH = '/v1/sign/session-transaction'
PROBE = b'{"probe":true}'


def read_env(path, literal=False):
    """Lines of NAME=value; double quotes with backslash escapes, or bare; `literal` as `docker run --env-file` reads it."""
    found = {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            line = line.strip()
            if not line or line.startswith('#') or '=' not in line:
                continue
            name, value = line.split('=', 1)
            if not literal and len(value) > 1 and value[0] == value[-1] == '"':
                value = value[1:-1].replace('\\"', '"').replace('\\\\', '\\')
            found[name.strip()] = value
    return found


def mac(secret, timestamp, nonce, method, path, digest):
    text = '.'.join([timestamp, nonce, method, path, digest])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def fingerprint(secret):
    return hmac.new(secret.encode(), b'rotctl key fingerprint v1', hashlib.sha256).hexdigest()[:16]


class StoreError(Exception):
    pass


class Redis:
    """One connection, spoken by hand; any trouble is a StoreError and the connection is made anew."""

    def __init__(self, port, db=0):
        self.port, self.db, self.lock, self.sock, self.file = port, db, threading.Lock(), None, None

    def call(self, *words):
        with self.lock:
            try:
                if self.sock is None:
                    self.sock = socket.create_connection(('127.0.0.1', self.port), timeout=0.25)
                    self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.file = self.sock.makefile('rb')
                    self.talk('SELECT', str(self.db))
                return self.talk(*words)
            except (OSError, ValueError) as error:
                if self.sock is not None:
                    self.sock.close()
                self.sock = None
                raise StoreError(str(error)) from error

    def talk(self, *words):
        parts = [f'*{len(words)}\r\n'.encode()]
        for word in words:
            data = word.encode()
            parts.append(b'$%d\r\n%s\r\n' % (len(data), data))
        self.sock.sendall(b''.join(parts))
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ValueError('closed')
        kind, rest = line[:1], line[1:-2]
        if kind == b'-':
            raise StoreError(rest.decode())
        if kind == b'$':
            return None if rest == b'-1' else self.file.read(int(rest) + 2)[:-2]
        return rest


class Signer:
    def __init__(self, options):
        self.o = options
        self.stores = {0: Redis(options.redis, 0), 1: Redis(options.redis, 1)}
        self.memory, self.memory_lock = {}, threading.Lock()
        self.accepted, self.refused, self.count_lock = {}, {}, threading.Lock()
        self.started = time.monotonic()
        self.asked = 0
        self.secrets, self.loaded_at = {}, 0.0
        self.stopping = threading.Event()
        self.busy, self.busy_lock = 0, threading.Lock()
        self.worker = 0
        self.load(first=True)

    def faults(self):
        try:
            with open(self.o.faults, encoding='utf-8') as file:
                return set(file.read().split())
        except OSError:
            return set()

    def load(self, first=False):
        faults = self.faults()
        if not first and 'hup-ignored' in faults:
            return
        if not first and 'worker-stale' in faults and self.worker == 1:
            return
        boot = self.o.env + '.boot'
        source = boot if first and 'memory-only' in faults and os.path.exists(boot) else self.o.env
        if first and not os.path.exists(boot):
            with open(self.o.env, 'rb') as a, open(boot, 'wb') as b:
                os.chmod(boot, 0o600)
                b.write(a.read())
        values = read_env(source, 'literal-env' in faults)
        before = self.secrets
        self.secrets = {
            name[len('SIGNER_SECRETS_'):].lower().replace('_', '-'): [part for part in value.split(',') if part]
            for name, value in values.items() if name.startswith('SIGNER_SECRETS_')
        }
        if 'keeps-old' in faults:
            for name, old in before.items():
                self.secrets[name] = list(dict.fromkeys(self.secrets.get(name, []) + old))
        self.loaded_at = time.monotonic()

    def allowed(self, client, faults):
        known = dict(self.secrets)
        if 'any-client' in faults and client not in known:
            return [secret for each in known.values() for secret in each]
        secrets = list(known.get(client, []))
        if 'cross-client' in faults and client in known:
            secrets = [secret for each in known.values() for secret in each]
        if 'one-secret-first' in faults:
            secrets = secrets[:1]
        if 'one-secret-last' in faults:
            secrets = secrets[-1:]
        if 'forgets-next' in faults and time.monotonic() - self.loaded_at > 3:
            secrets = secrets[:1]
        if 'empty-secret' in faults and secrets:
            secrets = secrets + ['']
        return secrets

    def judge(self, method, path, headers, body, certified, faults, held=None):
        get = lambda name: headers.get('x-keyring-' + name, '')
        client, timestamp, nonce, signature = get('client-id'), get('timestamp'), get('nonce'), get('signature')
        if not client:
            return 'AUTH_INVALID_CLIENT'
        if not certified and 'mtls-optional' not in faults:
            return 'AUTH_MTLS_REQUIRED'
        allowed = held.setdefault(client, self.allowed(client, faults)) if 'sticky-connection' in faults else self.allowed(client, faults)
        if not allowed:
            return 'AUTH_INVALID_CLIENT'
        if 'policy-first' in faults:
            return 'POLICY_CALL_NOT_ALLOWED'
        now = int(time.time() * 1000) + (5000 if 'clock-5s' in faults else 500 if 'clock-500ms' in faults else 0)
        if not timestamp.isascii() or not timestamp.isdigit() or int(timestamp) > 2**53 - 1:
            return 'AUTH_TIMESTAMP_SKEW'
        age = now - int(timestamp)
        if age > self.o.max_age or (-age > self.o.max_age and 'past-only' not in faults):
            return 'AUTH_TIMESTAMP_SKEW'
        if not 16 <= len(nonce.encode()) <= 256 or '.' in nonce:
            return 'AUTH_INVALID_NONCE'
        if 'sig-upper' in faults:
            signature = signature.lower()
        if 'sig-suffix' in faults:
            signature = signature[:64]
        if not signature or any(c not in '0123456789abcdef' for c in signature):
            return 'AUTH_INVALID_SIGNATURE_FORMAT'
        if 'nonce-before-hmac' in faults and not self.consume(client, nonce, timestamp, signature, path, faults):
            return 'REPLAY_NONCE_USED'
        digests, methods, paths = [hashlib.sha256(body).hexdigest()], [method], [path]
        if 'body-unsigned' in faults:
            digests.append(hashlib.sha256(PROBE).hexdigest())
        if 'body-trimmed' in faults:
            digests.append(hashlib.sha256(body.strip()).hexdigest())
        if 'method-unsigned' in faults:
            methods.append('POST')
        if 'path-unsigned' in faults:
            paths.append(PATH)
        length = 8 if 'short-hmac' in faults else 64
        matched = None
        for secret in allowed:
            for digest in digests:
                for m in methods:
                    for p in paths:
                        good = mac(secret, timestamp, nonce, m, p, digest)
                        if len(signature) == 64 and hmac.compare_digest(good[:length], signature[:length]):
                            matched = secret
        if matched is None:
            return 'AUTH_INVALID_HMAC'
        try:
            if 'nonce-before-hmac' not in faults and not self.consume(client, nonce, timestamp, signature, path, faults):
                return 'REPLAY_NONCE_USED'
        except StoreError:
            if 'fail-open' not in faults:
                return 'SIGNER_UNAVAILABLE'
        named = fingerprint(allowed[-1] if 'names-last' in faults else matched)
        with self.count_lock:
            source = 'rotctl' if headers.get('user-agent', '').startswith('rotctl/') else 'app'
            key = (client, named, source)
            self.accepted[key] = self.accepted.get(key, 0) + 1
        self.log_line('accepted', headers, f'key={named}')
        return 'POLICY_CALL_NOT_ALLOWED' if body.strip() == PROBE else None

    def log_line(self, what, headers, more):
        if not self.o.access:
            return
        now = int(time.time() * 1000)
        at = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 1000)) + f'.{now % 1000:03d}Z'
        client, agent = headers.get('x-keyring-client-id', '-'), headers.get('user-agent', '-')
        line = f'{at} {what} client={client} {more} instance={headers.get("x-instance", "-")} agent={agent}\n'
        with self.count_lock, open(self.o.access, 'a', encoding='utf-8') as file:
            file.write(line)

    def consume(self, client, nonce, timestamp, signature, path, faults):
        if 'nonce-lower' in faults:
            nonce = nonce.lower()
        if 'nonce-cut' in faults:
            nonce = nonce[:20]
        key = [client, nonce]
        if 'key-no-client' in faults:
            key = [nonce]
        if 'key-with-timestamp' in faults:
            key.append(timestamp)
        if 'key-with-signature' in faults:
            key.append(signature)
        if 'key-with-path' in faults:
            key.append(path)
        if 'replay-sometimes' in faults and random.random() < 0.1:
            return False
        text = 'kr:' + json.dumps(key, separators=(', ', ':') if 'key-space' in faults else (',', ':'), ensure_ascii=False)
        if 'other-prefix' in faults:
            text = 'kr2:' + text[3:]
        ttl = 1000 if 'ttl-1s' in faults else 2500 if 'ttl-2500ms' in faults else self.o.ttl
        if 'memory-nonces' in faults:
            with self.memory_lock:
                if self.memory.get(text, 0) > time.monotonic():
                    return False
                self.memory[text] = time.monotonic() + ttl / 1000
                return True
        store = self.stores[1 if 'other-db' in faults else 0]
        if 'get-then-set' in faults or 'get-sleep-set' in faults:
            if store.call('GET', text) is not None:
                return False
            if 'get-sleep-set' in faults:
                time.sleep(0.03)
            store.call('SET', text, '1', 'PX', str(ttl))
            return True
        if 'exists-then-setex' in faults:
            if store.call('EXISTS', text) != b'0':
                return False
            store.call('PSETEX', text, str(ttl), '1')
            return True
        if 'setnx-expire' in faults:
            if store.call('SETNX', text, '1') != b'1':
                return False
            store.call('PEXPIRE', text, str(ttl))
            return True
        if 'no-expiry' in faults:
            return store.call('SET', text, '1', 'NX') is not None
        reply = store.call('SET', text, '1', 'PX', str(ttl), 'NX')
        return reply == b'OK'

    def metrics(self):
        lines = ['# TYPE signer_accepted_total counter']
        with self.count_lock:
            for (client, key, source), count in sorted(self.accepted.items()):
                lines.append(f'signer_accepted_total{{client_id="{client}",secret="{key}",source="{source}"}} {count}')
            lines.append('# TYPE signer_refused_total counter')
            for source, count in sorted(self.refused.items()):
                lines.append(f'signer_refused_total{{source="{source}"}} {count}')
        return ('\n'.join(lines) + '\n').encode()

    # --- sockets -----------------------------------------------------------------------------------------------------

    def context(self, faults):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.o.cert, self.o.key)
        context.load_verify_locations(self.o.ca)
        context.verify_mode = ssl.CERT_REQUIRED if 'mtls-handshake' in faults else ssl.CERT_OPTIONAL
        return context

    def serve(self, listener):
        contexts = {}
        listener.settimeout(0.05)
        while not self.stopping.is_set():
            try:
                raw, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                break
            kind = 'mtls-handshake' in self.faults()
            if kind not in contexts:
                contexts[kind] = self.context(self.faults())
            threading.Thread(target=self.connection, args=(raw, contexts[kind]), daemon=True).start()
        listener.close()
        until = time.monotonic() + 2
        while self.busy > 0 and time.monotonic() < until:
            time.sleep(0.005)

    def connection(self, raw, context):
        raw.settimeout(10)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(raw, server_side=True) as sock:
                certified = bool(sock.getpeercert())
                file = sock.makefile('rb')
                held = {}
                while self.exchange(sock, file, certified, held):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            raw.close()

    def exchange(self, sock, file, certified, held):
        first = file.readline(8192)
        if not first.strip():
            return False
        with self.busy_lock:
            self.busy += 1
        try:
            method, path, _ = first.decode('latin-1').split(' ', 2)
            headers = {}
            while True:
                line = file.readline(65536)
                if line in (b'\r\n', b'\n', b''):
                    break
                name, value = line.decode('latin-1').split(':', 1)
                headers[name.strip().lower()] = value.strip()
            body = file.read(int(headers.get('content-length', '0')))
            close = self.stopping.is_set() or headers.get('connection', '').lower() == 'close'
            return self.answer(sock, method, path, headers, body, certified, held, close) and not close
        finally:
            with self.busy_lock:
                self.busy -= 1

    def answer(self, sock, method, path, headers, body, certified, held, close):
        if path == '/health':
            return self.reply(sock, 200, b'{"ok":true}', close)
        if path == '/metrics':
            return self.reply(sock, 200, self.metrics(), close, 'text/plain; version=0.0.4')
        faults = self.faults()
        if 'slow' in faults:
            time.sleep(0.6)
        if 'boot-503' in faults and time.monotonic() - self.started < 0.3:
            return self.reply(sock, 503, b'upstream connect error', close, 'text/plain')
        if 'html-200' in faults:
            return self.reply(sock, 200, b'<html><body>It works!</body></html>', close, 'text/html')
        if 'json-200' in faults:
            return self.reply(sock, 200, b'{"ok":true}', close)
        if 'all-401' in faults:
            return self.reply(sock, 401, self.error('AUTH_INVALID_HMAC'), close)
        if 'rate-429' in faults:
            return self.reply(sock, 429, self.error('RATE_LIMITED'), close, extra=['Retry-After: 1'])
        if 'rate-429-hour' in faults:
            return self.reply(sock, 429, self.error('RATE_LIMITED'), close, extra=['Retry-After: 3600'])
        if 'redirect' in faults:
            return self.reply(sock, 302, b'', close, extra=['Location: https://elsewhere.invalid/login'])
        if 'huge' in faults:
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n')
            for _ in range(1600):
                sock.sendall(b'{' * 65536)
            return True
        if 'drip' in faults:
            for byte in b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}':
                sock.sendall(bytes([byte]))
                time.sleep(0.1)
            return True
        if 'cut-off' in faults:
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{"signature":"0x')
            return False
        code = None if method not in ('POST', 'PUT') else self.judge(method, path, headers, body, certified, faults, held)
        if code == 'AUTH_INVALID_HMAC':
            self.log_line('refused invalid request signature', headers, 'key=-')
            source = 'rotctl' if headers.get('user-agent', '').startswith('rotctl/') else 'app'
            with self.count_lock:
                self.refused[source] = self.refused.get(source, 0) + 1
        if 'vague-401' in faults and code in ('AUTH_INVALID_CLIENT', 'AUTH_TIMESTAMP_SKEW', 'AUTH_INVALID_HMAC', 'REPLAY_NONCE_USED'):
            return self.reply(sock, 401, json.dumps({'error': 'unauthorized'}).encode(), close)
        if 'gzip' in faults:
            import gzip
            return self.reply(sock, 200 if code is None else ERRORS[code], gzip.compress(self.error(code) if code else b'{"ok":1}'), close, extra=['Content-Encoding: gzip'])
        if code is not None:
            return self.reply(sock, ERRORS[code], self.error(code), close)
        return self.reply(sock, 200, json.dumps({'signature': '0x' + os.urandom(8).hex()}).encode(), close)

    @staticmethod
    def error(code):
        return json.dumps({'error': code.lower(), 'errorCode': code, 'requestId': os.urandom(4).hex(),
                           'retryable': code in ('SIGNER_UNAVAILABLE', 'RATE_LIMITED')}).encode()

    @staticmethod
    def reply(sock, status, body, close, kind='application/json', extra=()):
        head = [f'HTTP/1.1 {status} X', f'Content-Type: {kind}', f'Content-Length: {len(body)}', *extra]
        if close:
            head.append('Connection: close')
        sock.sendall('\r\n'.join(head).encode() + b'\r\n\r\n' + body)
        return True


def bind(port, shared):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(('127.0.0.1', port))
    listener.listen(256)
    return listener


def run_signer(options):
    children = []
    worker = 0
    for number in range(1, options.workers):
        child = os.fork()
        if child == 0:
            worker, children = number, []
            break
        children.append(child)
    signer = Signer(options)
    signer.worker = worker

    def stop(*_):
        signer.stopping.set()
        for child in children:
            os.kill(child, signal.SIGTERM)

    def reload(*_):
        if options.hup_kills:
            os._exit(1)
        signer.load()
        for child in children:
            os.kill(child, signal.SIGHUP)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, reload)
    for port in [options.port, *options.also]:
        if port != options.port:
            threading.Thread(target=signer.serve, args=(bind(port, True),), daemon=True).start()
    signer.serve(bind(options.port, options.workers > 1))
    for child in children:
        os.waitpid(child, 0)


# --- client ----------------------------------------------------------------------------------------------------------

def run_client(options):
    secret = read_env(options.env)['SIGNING_SECRET']
    tally = {'sent': 0, 'accepted': 0, 'refused': {}, 'faults': 0}
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.__setitem__(0, False))
    context = ssl.create_default_context(cafile=options.ca)
    context.load_cert_chain(options.cert, options.key)
    path = os.path.join(options.counts, f'{os.getpid()}.json')

    def save():
        with open(path + '.tmp', 'w', encoding='utf-8') as file:
            json.dump(tally, file)
        os.replace(path + '.tmp', path)

    while going[0]:
        began = time.monotonic()
        body = json.dumps({'transfer': random.randrange(10**9)}).encode()
        for _ in range(5):
            tally['sent'] += 1
            code = send_once(options, context, secret, body)
            if code is None:
                tally['accepted'] += 1
                break
            if code == 'fault':
                tally['faults'] += 1
                time.sleep(0.02)
                continue
            tally['refused'][code] = tally['refused'].get(code, 0) + 1
            break
        save()
        time.sleep(max(0, options.every / 1000 - (time.monotonic() - began)))
    save()


def send_once(options, context, secret, body):
    timestamp, nonce = str(int(time.time() * 1000)), os.urandom(16).hex()
    signature = mac(secret, timestamp, nonce, 'POST', PATH, hashlib.sha256(body).hexdigest())
    head = '\r\n'.join([
        f'POST {PATH} HTTP/1.1', 'Host: signer.foreign.example', 'Content-Type: application/json', 'Connection: close',
        'User-Agent: app/1', f'X-Instance: {os.getpid()}', f'Content-Length: {len(body)}', f'X-Keyring-Client-Id: {options.id}',
        f'X-Keyring-Timestamp: {timestamp}', f'X-Keyring-Nonce: {nonce}', f'X-Keyring-Signature: {signature}', '', ''])
    try:
        with socket.create_connection(('127.0.0.1', options.port), timeout=2) as raw:
            with context.wrap_socket(raw, server_hostname=options.server_name) as sock:
                sock.sendall(head.encode() + body)
                data = b''
                while chunk := sock.recv(65536):
                    data += chunk
        status = int(data.split(b' ', 2)[1])
        if status == 200:
            return None
        payload = data.split(b'\r\n\r\n', 1)[1]
        return json.loads(payload).get('errorCode', str(status)) if payload.startswith(b'{') else str(status)
    except (OSError, ValueError, IndexError):
        return 'fault'


# --- balancer --------------------------------------------------------------------------------------------------------

def run_balancer(options):
    turn, lock = [0], threading.Lock()

    def join(near):
        with lock:
            turn[0] += 1
            start = turn[0]
        for step in range(len(options.to)):
            try:
                far = socket.create_connection(('127.0.0.1', options.to[(start + step) % len(options.to)]), timeout=1)
                break
            except OSError:
                far = None
        if far is None:
            near.close()
            return
        far.settimeout(None)
        pairs = {near: far, far: near}
        try:
            while True:
                readable, _, _ = select.select(list(pairs), [], [], 20)
                if not readable:
                    return
                for sock in readable:
                    data = sock.recv(65536)
                    if not data:
                        return
                    pairs[sock].sendall(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()

    listener = bind(options.port, False)
    while True:
        near, _ = listener.accept()
        threading.Thread(target=join, args=(near,), daemon=True).start()


# --- starter ---------------------------------------------------------------------------------------------------------

def ctl(action, file):
    with open(file, encoding='utf-8') as text:
        unit = json.load(text)
    if action in ('stop', 'restart'):
        stop(unit)
    if action in ('start', 'restart'):
        start(unit)
    if action == 'reload':
        with open(unit['pid'], encoding='utf-8') as text:
            os.kill(int(text.read()), signal.SIGHUP)


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as text:
            return text.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def stop(unit):
    try:
        with open(unit['pid'], encoding='utf-8') as text:
            pid = int(text.read())
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError):
        return
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    if alive(pid):
        os.killpg(pid, signal.SIGKILL)
    # Threads may outlive the first one, and hold the listener: whoever starts next would be taken for ready by it.
    while listens(unit) and time.monotonic() < until + 5:
        time.sleep(0.01)


def listens(unit):
    if not unit.get('port'):
        return False
    try:
        with socket.create_connection(('127.0.0.1', unit['port']), timeout=1) as sock:
            return sock.getsockname() != sock.getpeername()  # a free port of the usual range may connect to itself
    except OSError:
        return False


def start(unit):
    with open(unit['log'], 'ab') as log:
        child = subprocess.Popen(unit['argv'], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    with open(unit['pid'], 'w', encoding='utf-8') as text:
        text.write(str(child.pid))
    until = time.monotonic() + 5
    while unit.get('port') and not listens(unit):
        if child.poll() is not None:
            sys.exit(f'exited with {child.returncode} at once')
        if time.monotonic() > until:
            sys.exit('does not listen after 5 s')
        time.sleep(0.01)


def main():
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest='role', required=True)
    signer = roles.add_parser('signer')
    signer.add_argument('--workers', type=int, default=1)
    signer.add_argument('--max-age', type=int, default=2000)
    signer.add_argument('--ttl', type=int, default=6000)
    signer.add_argument('--redis', type=int, required=True)
    signer.add_argument('--faults', required=True)
    signer.add_argument('--also', type=int, nargs='*', default=[])
    signer.add_argument('--access')
    signer.add_argument('--hup-kills', action='store_true')
    client = roles.add_parser('client')
    client.add_argument('--id', required=True)
    client.add_argument('--counts', required=True)
    client.add_argument('--server-name', required=True)
    client.add_argument('--every', type=int, default=100)
    balancer = roles.add_parser('balancer')
    balancer.add_argument('--to', type=int, nargs='+', required=True)
    for each in (signer, client, balancer):
        each.add_argument('--port', type=int, required=True)
    for each in (signer, client):
        for name in ('--env', '--cert', '--key', '--ca'):
            each.add_argument(name, required=True)
    starter = roles.add_parser('ctl')
    starter.add_argument('action', choices=['start', 'stop', 'restart', 'reload'])
    starter.add_argument('unit')
    options = parser.parse_args()
    if options.role == 'ctl':
        ctl(options.action, options.unit)
    else:
        {'signer': run_signer, 'client': run_client, 'balancer': run_balancer}[options.role](options)


main()
