/**
 * The client's CPU for one probe: on a new connection with a full mutual handshake, over `openssl s_time -new` (which
 * sends no request), and on a warm one, over a loop on raw TLS sockets. The other end is a process of its own that
 * answers everything alike.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { Secret } from '../src/credential/secret.ts';
import { createProber } from '../src/probe/prober.ts';
import { systemClock } from '../src/system/clock.ts';
import { pooledRandom } from '../src/system/random.ts';
import { createTransport } from '../src/system/transport.ts';
import { testPki } from '../test/support/test-pki.ts';
import { compare, ownCpu, plainEnv, ratioRow, row } from './measure.ts';

const NAME = 'signer.bench.internal';
const ANSWER = '{"ok":true}';
const LANES = 16;
const WARM = 4000;
const FRESH = 400;
const PATH = '/v1/sign/session-transaction';
const BODY = '{"probe":true}';

interface Material {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Answers every request of a caller with a certificate in the same few bytes; tells its port, then how many came. */
function serve({ ca, cert, key }: Material): void {
  const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER));
  });
  server.on('tlsClientError', () => {});
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) process.send?.(address.port);
  });
}

async function measure(port: number, identity: Material): Promise<void> {
  const random = pooledRandom();
  const transport = createTransport(identity);
  const settings = { method: 'POST', path: PATH, body: BODY, causes: 'nothing', deadlineMs: 5000, maxBytes: 65_536 };
  const prober = createProber({
    settings: { ...settings, perSecond: undefined },
    outcomes: [],
    transport,
    clock: systemClock,
    random,
    runId: 'bench',
  });
  const endpoint = { url: new URL(`https://127.0.0.1:${port}`), serverName: NAME };
  const secret = Secret.fromText(random.hex(32));
  const probes = (count: number, fresh: boolean) =>
    inLanes(count, async () => {
      const { outcome } = await prober.probe({ client: 'client-a', secret, endpoint, fresh });
      if (outcome.code !== 'ACCEPTED') throw new Error(`a probe came to ${outcome.code}: ${outcome.reason}`);
    });
  const each = (count: number, fresh: boolean) => async () =>
    ((await ownCpu(() => probes(count, fresh))) * 1000) / count;

  await handshakes(port, identity, each(FRESH, true));
  const context = createSecureContext(identity);
  const sockets = await Promise.all(Array.from({ length: LANES }, () => rawSocket(port, context)));
  const raw = async () => ((await ownCpu(() => rawRequests(sockets))) * 1000) / WARM;
  ratioRow(
    'keep-alive mTLS probe over a raw TLS socket',
    await compare(each(WARM, false), raw),
    { most: 2.5 },
    'µs CPU',
  );
  for (const socket of sockets) socket.destroy();
  await transport.close();
}

async function handshakes(port: number, identity: Material, probe: () => Promise<number>): Promise<void> {
  const name = 'fresh mTLS probe over openssl s_time -new';
  if (spawnSync('openssl', ['version'], { env: plainEnv() }).status !== 0) {
    row(name, (await probe()) / 1000, 0, undefined, 'ms CPU: openssl is missing, there is nothing to compare with');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'rotctl-bench-tls-'));
  const file = (what: keyof Material): string => {
    const path = join(folder, `${what}.pem`);
    writeFileSync(path, identity[what], { mode: 0o600 });
    return path;
  };
  const files = ['-CAfile', file('ca'), '-cert', file('cert'), '-key', file('key')];
  const command = [
    'openssl',
    's_time',
    '-new',
    '-verify',
    '2',
    '-time',
    '1',
    '-connect',
    `127.0.0.1:${port}`,
    ...files,
  ];
  ratioRow(name, await compare(probe, () => perConnection(command)), { most: 2.5 }, 'µs CPU');
  rmSync(folder, { recursive: true });
}

/** Microseconds of CPU for each connection that `s_time` made. */
function perConnection(command: readonly string[]): number {
  const script = 'TIMEFORMAT="cpu %3U %3S"; time "$@"';
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...command], {
    env: plainEnv(),
    encoding: 'utf8',
  });
  const made = Number(/^(\d+) connections in \d+ real seconds/m.exec(stdout)?.[1]);
  const [, user, system] = /^cpu (\S+) (\S+)$/m.exec(stderr) ?? [];
  const cpu = Number(user) + Number(system);
  if (!(made > 0) || Number.isNaN(cpu)) throw new Error(`openssl s_time failed: ${stdout}${stderr}`);
  return (cpu * 1e6) / made;
}

/** Does the work `count` times, in `LANES` loops beside each other. */
async function inLanes(count: number, work: () => Promise<void>): Promise<void> {
  const lane = async () => {
    for (let n = 0; n < count / LANES; n += 1) await work();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function rawSocket(port: number, secureContext: SecureContext): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, secureContext, servername: NAME, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  return socket.setNoDelay(true);
}

/** A request of the same length as a probe's, with nothing made anew, and no answer looked at but for its end. */
const REQUEST = [
  `POST ${PATH} HTTP/1.1`,
  `host: ${NAME}`,
  'connection: keep-alive',
  'content-type: application/json',
  'user-agent: rotctl/bench',
  'x-keyring-client-id: client-a',
  'x-keyring-timestamp: 1795000000000',
  `x-keyring-nonce: ${'0'.repeat(32)}`,
  `x-keyring-signature: ${'0'.repeat(64)}`,
  `content-length: ${BODY.length}`,
  '',
  BODY,
].join('\r\n');

async function rawRequests(sockets: readonly TLSSocket[]): Promise<void> {
  const loop = (socket: TLSSocket) =>
    new Promise<void>((resolve) => {
      let left = WARM / LANES;
      let got = '';
      const take = (chunk: Buffer): void => {
        got += chunk.toString('latin1');
        if (!got.includes(ANSWER)) return;
        got = '';
        left -= 1;
        if (left > 0) socket.write(REQUEST);
        else {
          socket.off('data', take);
          resolve();
        }
      };
      socket.on('data', take);
      socket.write(REQUEST);
    });
  await Promise.all(sockets.map(loop));
}

if (process.send === undefined) {
  const pki = await testPki();
  const server = await pki.server(NAME);
  const child = fork(process.argv[1] ?? '', { env: plainEnv() });
  child.send({ ca: pki.ca, cert: server.cert, key: server.key });
  const [port]: number[] = await once(child, 'message');
  await measure(port ?? 0, { ca: pki.ca, cert: pki.client.cert, key: pki.client.key });
  child.kill();
} else {
  process.once('message', (material: Material) => serve(material));
}
