#!/usr/bin/env python3
"""A program of the deploy driver `command` for the foreign fleet, as its operator would write it.

It keeps env files and starts units; one word in faults/NAME.deploy makes it misbehave for that target.
"""
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time

SIGNER = sys.argv[1]


def env_path(name):
    return os.path.join('etc', f'{name}.env')


def variable(client):
    return 'SIGNER_SECRETS_' + client.upper().replace('-', '_')


def read(name):
    with open(env_path(name), encoding='utf-8') as file:
        return dict(line.rstrip('\n').split('=', 1) for line in file if '=' in line and not line.startswith('#'))


def replace(name, changes):
    with open(env_path(name), encoding='utf-8') as file:
        lines = file.readlines()
    text = ''.join(
        f"{line.split('=', 1)[0]}={changes[line.split('=', 1)[0]]}\n" if line.split('=', 1)[0] in changes else line
        for line in lines
    )
    handle = os.open(env_path(name) + '.new', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, 'w', encoding='utf-8') as file:
        file.write(text)
    os.replace(env_path(name) + '.new', env_path(name))


def shown(secret, fault):
    if fault == 'fingerprints':
        return {'fingerprint': hmac.new(secret.encode(), b'rotctl key fingerprint v1', hashlib.sha256).hexdigest()[:16]}
    return {'secret': secret}


def carry_out(asked, fault):
    name, op = asked['target']['name'], asked['op']
    if op == 'read':
        if fault in ('unreadable', 'unreadable-deaf'):
            return {'ok': True, 'readable': False}
        values = read(name)
        if asked['target']['kind'] == 'client':
            return {'ok': True, 'signs': shown(values['SIGNING_SECRET'], fault)}
        return {'ok': True, 'accepts': {client: [shown(one, fault) for one in values[variable(client)].split(',')]
                                        for client in asked['clients']}}
    if op == 'write':
        if fault == 'idle':
            return {'ok': True}
        if 'signs' in asked:
            replace(name, {'SIGNING_SECRET': asked['signs']['secret']})
        else:
            replace(name, {variable(client): ','.join(one['secret'] for one in entries)
                           for client, entries in asked['accepts'].items()})
        if fault == 'dies-after':
            sys.exit(1)
        if fault == 'chatty':
            print('wrote', json.dumps(asked))
        return {'ok': True}
    if op in ('reload', 'restart'):
        if fault == 'unreadable-deaf':
            return {'ok': True}
        if fault == 'slow':
            time.sleep(600)
        subprocess.run(['python3', SIGNER, 'ctl', op, os.path.join('run', f'{name}.json')], check=True, stdout=sys.stderr)
        return {'ok': True}
    return {'ok': False, 'unsupported': True}


def main():
    asked = json.load(sys.stdin)
    path = os.path.join('faults', asked['target']['name'] + '.deploy')
    fault = ''
    if os.path.exists(path):
        with open(path, encoding='utf-8') as file:
            fault = file.read().strip()
    print(json.dumps(carry_out(asked, fault)))


main()
