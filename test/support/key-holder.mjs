// A holder of keys, as Vault or an HSM is one: it keeps them in a file of its own, signs with them, makes new ones, and
// puts them where a practice fleet reads them. Nothing that it prints is a key.
// argv: FILE mac|lines CLIENT GENERATION, FILE create CLIENT, FILE deploy ENV-FILE CTL...
import { execFileSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [, , file, what, ...words] = process.argv;
const keys = () => JSON.parse(readFileSync(file, 'utf8'));
const replace = (path, text) => {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
};
const keyOf = (client, generation) => {
  const key = keys()[client]?.[generation];
  if (key !== undefined) return key;
  process.stderr.write(`no ${generation} key of ${client}\n`);
  process.exit(4);
};
const mac = (key, bytes) => createHmac('sha256', key).update(bytes).digest();
const fingerprint = (key) => mac(key, 'rotctl key fingerprint v1').toString('hex').slice(0, 16);
const input = async () => {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** What stands in a practice env file, and a way to replace it. */
const placeIn = (path) => {
  const text = readFileSync(path, 'utf8');
  const [line, name, value] = /^(KEYRING_CLIENTS|KEYRING_SECRET)="(.*)"$/m.exec(text);
  return {
    isClient: name === 'KEYRING_SECRET',
    value: value.replaceAll('\\"', '"'),
    put: (next) =>
      replace(
        path,
        text.replace(line, () => `${name}="${next.replaceAll('"', '\\"')}"`),
      ),
  };
};

const byFingerprint = (client, wanted) => {
  const found = Object.values(keys()[client]).find((key) => typeof key === 'string' && fingerprint(key) === wanted);
  if (found === undefined) throw new Error(`no key ${wanted} of ${client}`);
  return found;
};

const deploy = (asked, envFile, ctl) => {
  const place = placeIn(envFile);
  const named = (key) => ({ fingerprint: fingerprint(key) });
  const listed = place.isClient ? undefined : JSON.parse(place.value);
  switch (asked.op) {
    case 'read':
      if (place.isClient) return { ok: true, signs: named(place.value) };
      return {
        ok: true,
        accepts: Object.fromEntries(asked.clients.map((id) => [id, listed[id].hmacSecrets.map(named)])),
      };
    case 'write': {
      if (JSON.stringify(asked).includes('"secret"'))
        return { ok: false, error: 'a value came where none was expected' };
      if (place.isClient) place.put(byFingerprint(asked.clients[0], asked.signs.fingerprint));
      else {
        for (const [id, list] of Object.entries(asked.accepts))
          listed[id].hmacSecrets = list.map((one) => byFingerprint(id, one.fingerprint));
        place.put(JSON.stringify(listed));
      }
      return { ok: true };
    }
    case 'reload':
    case 'restart':
      execFileSync(ctl[0], ctl.map((word) => (word === 'LOAD' ? asked.op : word)).slice(1), { stdio: 'ignore' });
      return { ok: true };
    case 'rehearse':
      return { ok: true, obstacles: [] };
    default:
      return { ok: false, unsupported: true };
  }
};

switch (what) {
  case 'mac':
    process.stdout.write(`${mac(keyOf(words[0], words[1]), await input()).toString('hex')}\n`);
    break;
  case 'lines':
    for await (const line of createInterface({ input: process.stdin }))
      process.stdout.write(`${mac(keyOf(words[0], words[1]), Buffer.from(line, 'base64')).toString('hex')}\n`);
    break;
  case 'create': {
    const all = keys();
    const own = all[words[0]];
    replace(
      file,
      JSON.stringify({
        ...all,
        [words[0]]: { ...own, next: randomBytes(32).toString('hex'), made: (own.made ?? 0) + 1 },
      }),
    );
    break;
  }
  case 'deploy': {
    const [envFile, ...ctl] = words;
    process.stdout.write(`${JSON.stringify(deploy(JSON.parse((await input()).toString()), envFile, ctl))}\n`);
  }
}
