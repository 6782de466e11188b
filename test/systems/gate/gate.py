#!/usr/bin/env python3
"""tool-gate: decides whether an agent may use a tool.

Services sign their requests with the secret that they all share. The environment is read once, at start.
"""
import argparse
import hmac
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from interservice import Settings, load_env, signed

log = logging.getLogger('tool-gate')
LEDGER_PAGE = 5000


class HTTPError(Exception):
    def __init__(self, status, detail, headers=()):
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class AppendOnly:
    """Lines of JSON, in memory and in a file that is read at start and appended to."""
    def __init__(self, path):
        self.path, self.rows = path, []
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                for line in file:
                    if line.endswith('\n'):
                        self.rows.append(json.loads(line))

    def append(self, row):
        with open(self.path, 'a', encoding='utf-8') as file:
            file.write(json.dumps(row) + '\n')
        self.rows.append(row)


class NonceCache:
    def __init__(self, path, ttl):
        self.ttl, self.file, self.lock = ttl, AppendOnly(path), threading.Lock()
        self.expiry = {key: until for key, until in self.file.rows}

    def consume(self, key):
        """Whether the key is new; it is not for the next `ttl` seconds."""
        now = time.time()
        with self.lock:
            if self.expiry.get(key, 0) > now:
                return False
            try:
                self.file.append([key, now + self.ttl])
            except OSError as error:
                raise HTTPError(503, 'replay store unavailable') from error
            self.expiry[key] = now + self.ttl
            return True


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


TEXT = (lambda value: isinstance(value, str), 'Input should be a valid string')
REQUIRED = ('tool', 'params', 'conviction', 'actor_did', 'session_id')
SCHEMA = {
    **dict.fromkeys(['tool', 'actor_did', 'session_id', 'nonce', 'signature', 'idempotency_key'], TEXT),
    'params': (lambda value: isinstance(value, dict), 'Input should be a valid dictionary'),
    'conviction': (lambda value: is_number(value) and 0 <= value <= 10, 'Input should be a number from 0 to 10'),
    'ts': (lambda value: is_number(value) and abs(value) < 1e15, 'Input should be a valid number'),
    'signatures': (lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
                   'Input should be a valid list of strings'),
}


def parse(raw):
    try:
        body = dict(json.loads(raw))
    except (TypeError, ValueError) as error:
        raise HTTPError(422, [{'type': 'json_invalid', 'loc': ['body'], 'msg': 'JSON decode error'}]) from error
    wrong = []
    for name, (test, message) in SCHEMA.items():
        if body.get(name) is None and name in REQUIRED:
            wrong.append({'type': 'missing', 'loc': ['body', name], 'msg': 'Field required'})
        elif body.get(name) is not None and not test(body[name]):
            wrong.append({'type': 'invalid', 'loc': ['body', name], 'msg': message})
    if wrong:
        raise HTTPError(422, wrong)
    for name in ('tool', 'actor_did', 'session_id', 'nonce'):
        if body.get(name) is not None:
            body[name] = re.sub(r'[;|&]', '', body[name])[:1024]
    return body


class Gate:
    def __init__(self, settings, nonce_file, ledger_file):
        self.settings = settings
        self.nonces = NonceCache(nonce_file, settings.nonce_ttl)
        self.ledger = AppendOnly(ledger_file)
        self.lock, self.decisions = threading.Lock(), {}
        self.total = self.errors = self.minute = self.in_minute = 0

    def limit_rate(self):
        now = time.time()
        with self.lock:
            if int(now // 60) != self.minute:
                self.minute, self.in_minute = int(now // 60), 0
            self.in_minute += 1
            if 0 < self.settings.rate_limit < self.in_minute:
                raise HTTPError(429, 'rate limit exceeded', [('Retry-After', str(60 - int(now % 60)))])

    def verify(self, body):
        """The key that one of the request's signatures was made with; any good one is enough."""
        parts = (body['actor_did'], body['session_id'], body['tool'], body.get('nonce') or '', body.get('ts') or 0)
        keys, found = self.settings.keys(), []
        for candidate in [body.get('signature') or '', *(body.get('signatures') or [])]:
            kid, _, digest = candidate.rpartition(':')
            if kid in self.settings.revoked:
                continue
            for key in keys:
                if hmac.compare_digest(signed(key.secret, *parts), digest) and (kid == key.kid or not self.settings.strict):
                    found.append(key)
        return found[0] if found else None

    def decide(self, raw):
        body, settings = parse(raw), self.settings
        self.limit_rate()
        again = body.get('idempotency_key')
        if again in self.decisions:
            return self.decisions[again]
        if body['tool'] not in settings.tools:
            raise HTTPError(400, 'tool not allowed')
        if body['session_id'] not in settings.sessions:
            raise HTTPError(401, 'Session not trusted')
        scope = settings.sessions[body['session_id']]
        if scope and body['tool'] not in scope:
            raise HTTPError(403, {'error': 'tool outside the scope of the session', 'tool': body['tool']})
        nonce, ts = body.get('nonce'), body.get('ts')
        if (nonce is None) != (ts is None):
            raise HTTPError(400, 'nonce and ts must be provided together')
        key = None
        if settings.require_signature:
            if ts is not None and abs(time.time() - ts) > settings.skew:
                raise HTTPError(401, 'request timestamp outside allowed window')
            key = self.verify(body)
            if key is None or nonce is None:
                raise HTTPError(401, 'invalid request signature')
            if not self.nonces.consume(f"{body['session_id']}:{nonce}"):
                raise HTTPError(409, 'replay detected')
        decision = {'approved': body['conviction'] >= 5, 'tool': body['tool']}
        self.ledger.append({'when': datetime.now(timezone.utc).isoformat(), 'actor': body['actor_did'],
                            'kid': key and key.kid, 'tool': body['tool'], 'approved': decision['approved']})
        if again is not None:
            self.decisions[again] = decision
        return decision

    def count(self, status):
        with self.lock:
            self.total += status != 401
            self.errors += status >= 500

    def page(self, path):
        if path == '/health':
            return {'status': 'ok'}
        if path == '/metrics':
            return {'error_ratio': self.errors / self.total if self.total else 0.0, 'total': self.total}
        if path == '/ledger':
            return {'rows': self.ledger.rows[:-LEDGER_PAGE - 1:-1]}
        raise HTTPError(404, 'Not Found')


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server_version = 'tool-gate'
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True
    gate: Gate

    def do_GET(self):
        self.answer(lambda: self.gate.page(self.path))

    def do_POST(self):
        length = self.headers.get('Content-Length', '')
        if not length.isdigit():
            self.close_connection = True
            return self.send(411, {'detail': 'Length Required'})
        raw = self.rfile.read(int(length))
        if self.path != '/gate/request':
            return self.send(404, {'detail': 'Not Found'})
        return self.answer(lambda: self.gate.decide(raw), self.gate.count)

    def answer(self, work, count=lambda status: None):
        try:
            status, body, headers = 200, work(), ()
        except HTTPError as error:
            status, body, headers = error.status, {'detail': error.detail}, error.headers
        except Exception:  # pylint: disable=broad-except
            log.exception('unhandled')
            status, body, headers = 500, 'Internal Server Error', ()
        count(status)
        self.send(status, body, headers)

    def send(self, status, body, headers=()):
        text = isinstance(body, str)
        data = (body if text else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'text/plain; charset=utf-8' if text else 'application/json')
        self.send_header('Content-Length', str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        why = body.get('detail', '') if isinstance(body, dict) else ''
        log.info('%s - "%s %s" %d %s', self.address_string(), self.command, self.path, status,
                 why if isinstance(why, str) else '')

    def log_message(self, *_):
        pass  # `send` writes the access log


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        log.info('%s went away', client_address[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--env-file', required=True)
    parser.add_argument('--nonces', required=True, help='file of this process, read at start')
    parser.add_argument('--ledger', required=True)
    parser.add_argument('--secrets', default='/run/secrets/', help='PREFIX or PREFIX=FOLDER')
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format='%(asctime)s %(levelname)s %(message)s')
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Handler.gate = Gate(Settings(load_env(options.env_file), options.secrets), options.nonces, options.ledger)
    time.sleep(0.3)  # the policy engine warms up
    Server(('127.0.0.1', options.port), Handler).serve_forever()


main()
