// A program of the certificate driver `command`, as an operator would write one, and broken ones of every kind.
// argv: folder that it keeps everything in, how it behaves.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , folder, mode = 'good'] = process.argv;
let input = '';
for await (const chunk of process.stdin) input += chunk;
const asked = JSON.parse(input);
const at = (name) => join(folder, name);
const text = (name) => readFileSync(at(name), 'utf8');
const say = (answer, code = 0) => {
  process.stdout.write(typeof answer === 'string' ? answer : `${JSON.stringify(answer)}\n`);
  process.exitCode = code;
};
const keep = (name, content) => {
  const same = existsSync(at(name)) && text(name) === content;
  if (!same) writeFileSync(at(name), content, { mode: 0o600 });
  return !same;
};
appendFileSync(at('asked'), `${asked.schema} ${asked.target.kind} ${asked.target.name} ${asked.op}\n`);
writeFileSync(at('world'), `${readFileSync('/proc/self/cmdline')}${readFileSync('/proc/self/environ')}`);

/** The key of a chain that is to be shown: the one that was sent, or of those that were made here the one that fits. */
const keyOf = ({ chain, key }) => {
  if (key !== undefined) return key;
  const publicKey = execFileSync('openssl', ['x509', '-noout', '-pubkey'], { input: chain, encoding: 'utf8' });
  for (const name of existsSync(at('made')) ? readdirSync(at('made')) : []) {
    const made = execFileSync('openssl', ['pkey', '-pubout', '-in', at(`made/${name}`)], { encoding: 'utf8' });
    if (made === publicKey) return text(`made/${name}`);
  }
  throw new Error('no key of mine is that of the chain');
};
const csr = ({ id, commonName, names, keyKind }) => {
  mkdirSync(at('made'), { recursive: true, mode: 0o700 });
  const key = at(`made/${id}`);
  const kinds = { 'P-256': ['EC', 'ec_paramgen_curve:P-256'], 'RSA-2048': ['RSA', 'rsa_keygen_bits:2048'] };
  const [algorithm, option] = kinds[keyKind];
  if (!existsSync(key)) execFileSync('openssl', ['genpkey', '-algorithm', algorithm, '-pkeyopt', option, '-out', key]);
  const dns = names.map((name) => `DNS:${name}`).join(',');
  const extension = names.length === 0 ? [] : ['-addext', `subjectAltName=${dns}`];
  return execFileSync('openssl', ['req', '-new', '-key', key, '-subj', `/CN=${commonName}`, ...extension], {
    encoding: 'utf8',
  });
};

const ops = {
  read: () => ({ trust: text('trust'), chain: text('chain'), ...(mode === 'gives-key' ? { key: text('key') } : {}) }),
  'write-trust': () => ({ changed: keep('trust', asked.trust) }),
  'write-shown': () => {
    const key = keyOf(asked);
    return { changed: [keep('key', key), keep('chain', asked.chain)].includes(true) };
  },
  request: () => ({ csr: csr(asked) }),
  reload: () => ({}),
  'end-sessions': () => ({}),
  rehearse: () => ({
    obstacles: mode === 'hindered' ? [`the volume is read-only ${existsSync(at('key')) ? text('key') : ''}`] : [],
  }),
};
const broken = {
  garbage: () => say(`done! ${input}`),
  empty: () => say(''),
  refuses: () => say({ ok: false, error: `cannot write ${input}` }),
  'prints-all': () => {
    process.stderr.write(`debug: ${input}\n${asked.key ?? ''}`);
    say({ ok: false, error: 'no' }, 3);
  },
  'fails-after': () => say({ ok: true }, 1),
  'other-schema': () => say({ ok: true, schema: 'rotctl.certificates.v2' }),
  torn: () => say({ ok: true, trust: text('trust').slice(0, -30), chain: text('chain') }),
  'no-pem': () => say({ ok: true, trust: 'none', chain: 'none', csr: 'none' }),
  'key-as-chain': () => say({ ok: true, trust: text('trust'), chain: text('key'), csr: text('key') }),
  'knows-nothing': () => say({ ok: false, unsupported: true }),
  hangs: () => setInterval(() => undefined, 1000),
};

const behave = broken[mode];
const op = ops[asked.op];
if (behave) behave();
else if (op) say({ ok: true, ...op() });
else say({ ok: false, unsupported: true });
