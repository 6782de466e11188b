#!/usr/bin/env python3
"""A service that never stops asking the gates for its tool, each request signed; what it counts goes to its log."""
import argparse
import http.client
import json
import signal
import sys
import time
import uuid
from urllib.parse import urlsplit

from interservice import Settings, load_env, signed


class Service:
    def __init__(self, env):
        self.settings = Settings(env, '/run/secrets/')
        self.dual = self.settings.flag('TOOL_GATE_DUAL_SIGN', 'false')
        self.gates = [urlsplit(url) for url in env['GATE_URLS'].split(',')]
        self.open, self.turn, self.stopping = {}, 0, False
        self.actor, self.session, self.tool = env['SERVICE_ACTOR'], env['SERVICE_SESSION'], env['SERVICE_TOOL']
        self.counts = {'started': time.time(), 'accepted': 0, 'refused': 0, 'faults': 0, 'answers': {}}

    def request(self):
        nonce, ts = uuid.uuid4().hex, time.time()
        signatures = [f'{key.kid}:{signed(key.secret, self.actor, self.session, self.tool, nonce, ts)}'
                      for key in self.settings.keys()]
        body = {'tool': self.tool, 'params': {'query': 'balance'}, 'conviction': 7.5, 'actor_did': self.actor,
                'session_id': self.session, 'nonce': nonce, 'ts': ts, 'signature': signatures[0]}
        return {**body, 'signatures': signatures} if self.dual else body

    def send(self, gate):
        """Status and text of the answer to a request signed now, over a connection that is kept."""
        connection = self.open.setdefault(gate.netloc, http.client.HTTPConnection(gate.netloc, timeout=2))
        try:
            connection.request('POST', '/gate/request', json.dumps(self.request()),
                               {'Content-Type': 'application/json'})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def once(self):
        """Sends until a gate has answered, each time to the next of them."""
        for _ in range(50):
            self.turn += 1
            try:
                status, text = self.send(self.gates[self.turn % len(self.gates)])
            except (OSError, http.client.HTTPException):
                self.counts['faults'] += 1
                time.sleep(0.02)
                continue
            if status == 200:
                self.counts['accepted'] += 1
            else:
                self.counts['refused'] += 1
                why = f'{status} {text}'[:200]
                self.counts['answers'][why] = self.counts['answers'].get(why, 0) + 1
            return

    def run(self, every):
        while not self.stopping:
            began = time.monotonic()
            self.once()
            if (self.counts['accepted'] + self.counts['refused']) % 50 == 0:
                self.report()
            time.sleep(max(0.0, every - (time.monotonic() - began)))
        self.report(final=True)

    def report(self, **more):
        sys.stdout.write(json.dumps({**self.counts, **more}) + '\n')
        sys.stdout.flush()

    def stop(self, *_):
        self.stopping = True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--env-file', required=True)
    options = parser.parse_args()
    env = load_env(options.env_file)
    service = Service(env)
    signal.signal(signal.SIGTERM, service.stop)
    service.run(1 / float(env.get('REQUESTS_PER_SECOND', '10')))


main()
