// A program of the deploy driver `command`, as an operator would write one, and broken ones of every kind.
// argv: file that it keeps (JSON), how it behaves.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const [, , path, mode = 'good'] = process.argv;
let input = '';
for await (const chunk of process.stdin) input += chunk;
const asked = JSON.parse(input);
const stored = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
const say = (answer, code = 0) => {
  process.stdout.write(typeof answer === 'string' ? answer : `${JSON.stringify(answer)}\n`);
  process.exitCode = code;
};
const write = () => {
  const next = { ...stored, loads: stored.loads ?? [] };
  if (asked.accepts) next.accepts = { ...stored.accepts, ...asked.accepts };
  if (asked.signs) next.signs = asked.signs;
  if (asked.variables) {
    next.variables = { ...stored.variables, ...asked.variables };
    for (const [name, value] of Object.entries(next.variables)) if (value === null) delete next.variables[name];
  }
  save(next);
};
const save = (next) => {
  writeFileSync(`${path}.new`, JSON.stringify(next), { mode: 0o600 });
  renameSync(`${path}.new`, path);
};
const secrets = () => JSON.stringify([asked.accepts, asked.signs, asked.variables, stored]);
const shown = (one) => (mode === 'fingerprints' ? { fingerprint: one.fingerprint } : { secret: one.secret });

if (asked.op === 'write') {
  const behaviours = {
    'fails-after': () => {
      write();
      say({ ok: true }, 1);
    },
    'does-nothing': () => say({ ok: true }),
    hangs: () => setInterval(() => undefined, 1000),
    'hangs-with-children': () => spawn('sleep', ['600'], { stdio: 'inherit' }),
    garbage: () => say(`done! ${secrets()}`),
    empty: () => say(''),
    'two-answers': () => say('{"ok":true}\n{"ok":true}\n'),
    'no-ok': () => say({ done: true, secrets: secrets() }),
    'other-schema': () => say({ ok: true, schema: 'rotctl.deploy.v2' }),
    refuses: () => say({ ok: false, error: `cannot write ${secrets()}` }),
    'refuses-silently': () => say({ ok: false }),
    'prints-secrets': () => {
      process.stderr.write(`debug: ${secrets()}\n`);
      say({ ok: false, error: 'no' }, 3);
    },
    endless: () => say('x'.repeat(2 * 1024 * 1024)),
    'no-write': () => say({ ok: false, unsupported: true }),
    'shows-its-world': () => say({ ok: false, error: `${Object.keys(process.env).sort()} | ${process.argv.slice(2)}` }),
  };
  const behave = behaviours[mode];
  if (behave) behave();
  else {
    write();
    say({ ok: true });
  }
} else if (asked.op === 'read') {
  const of = (id) => (stored.accepts?.[id] ?? []).map(shown);
  if (mode === 'unreadable') say({ ok: true, readable: false });
  else if (mode === 'reads-garbage') say({ ok: true, accepts: { 'client-a': ['CANARY-text'] } });
  else if (mode === 'reads-wrong-name')
    say({ ok: true, accepts: { 'client-a': [{ secret: 'CANARY-x', fingerprint: '0123456789abcdef' }] } });
  else if (mode === 'reads-others') say({ ok: true, accepts: { 'client-z': [] } });
  else if (Array.isArray(asked.variables)) say({ ok: true, variables: stored.variables ?? {} });
  else if (asked.target.kind === 'client')
    say({ ok: true, signs: stored.signs === undefined ? null : shown(stored.signs) });
  else say({ ok: true, accepts: Object.fromEntries(asked.clients.map((id) => [id, of(id)])) });
} else if (asked.op === 'reload' || asked.op === 'restart') {
  if (mode === 'load-refused') say({ ok: false, error: 'the process does not stop' });
  else if (mode === 'load-garbage') say('ok');
  else {
    save({ ...stored, loads: [...(stored.loads ?? []), `${asked.op} ${asked.target.kind} ${asked.target.name}`] });
    say({ ok: true });
  }
} else if (asked.op === 'rehearse') {
  if (mode === 'obstacles') say({ ok: true, obstacles: ['the disk is full'] });
  else if (mode === 'rehearse-fails') say({ ok: false, error: 'the API is away' });
  else if (mode === 'no-rehearse') say({ ok: false, unsupported: true });
  else say({ ok: true });
} else say({ ok: false, unsupported: true });
