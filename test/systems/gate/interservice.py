"""What the gate and the services that call it have in common: their environment, their keys, the signature."""
import hashlib
import hmac
import os
import re
from dataclasses import dataclass


def load_env(path):
    """Lines of NAME=value. A value may be quoted; in double quotes a backslash escapes."""
    env = {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            name, found, value = line.strip().removeprefix('export ').partition('=')
            if not found or name.startswith('#'):
                continue
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in '\'"':
                value = re.sub(r'\\(.)', r'\1', value[1:-1]) if value[0] == '"' else value[1:-1]
            env[name.strip()] = value
    return env


def listed(text):
    return [part.strip() for part in text.split(',') if part.strip()]


def signed(secret, actor, session, tool, nonce, seconds):
    text = '|'.join([actor, session, tool, nonce, str(int(seconds))])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Key:
    kid: str
    secret: str


class Settings:
    def __init__(self, env, mount):
        self.env = env
        self.prefix, _, folder = mount.partition('=')
        self.folder = folder or self.prefix
        self.strict = self.flag('INTERSERVICE_HMAC_STRICT_KEY_ID', 'false')
        self.require_signature = self.flag('REQUIRE_SIGNATURE', 'true')
        self.revoked = set(listed(env.get('INTERSERVICE_HMAC_REVOKED_IDS', '')))
        self.nonce_ttl = float(env.get('NONCE_TTL_SECONDS', '300'))
        self.skew = float(env.get('SIGNATURE_SKEW_SECONDS', self.nonce_ttl))
        self.tools = set(listed(env.get('ALLOWED_TOOLS', '')))
        # session=tool+tool; without tools, any allowed one
        self.sessions = {name: set(filter(None, tools.split('+'))) for name, _, tools in
                         (each.partition('=') for each in listed(env.get('TRUSTED_SESSIONS', '')))}
        self.rate_limit = int(env.get('RATE_LIMIT_PER_MINUTE', '0'))

    def flag(self, name, default):
        return self.env.get(name, default).lower() in ('1', 'true', 'yes')

    def read_secret(self, name):
        """The value; the content of the file that it names; or, before both, of a mounted file of its own name."""
        value = self.env.get(name)
        mounted = os.path.join(self.folder, name.lower())
        if os.path.isfile(mounted):
            path = mounted
        elif value is not None and value.startswith(self.prefix):
            path = os.path.join(self.folder, value[len(self.prefix):])
        else:
            return value
        with open(path, encoding='utf-8') as file:
            return file.read().strip()

    def keys(self):
        primary = self.read_secret('INTERSERVICE_HMAC_SECRET')
        if primary is None:
            raise RuntimeError('INTERSERVICE_HMAC_SECRET is not configured')
        found = [Key(self.env.get('INTERSERVICE_HMAC_KEY_ID') or 'v1', primary)]
        previous = self.read_secret('INTERSERVICE_HMAC_SECRET_PREV')
        if previous:
            found.append(Key(self.env.get('INTERSERVICE_HMAC_KEY_ID_PREV') or 'v0', previous))
        return found
