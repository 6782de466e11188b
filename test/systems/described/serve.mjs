// What the two services of these tests have in common, which is nothing of their schemes: HTTP, an env file, a metrics page,
// a nonce store and a file of planted faults. They share no line with the project.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import Redis from 'ioredis';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string' },
    env: { type: 'string' },
    redis: { type: 'string' },
    faults: { type: 'string' },
    name: { type: 'string' },
    'max-age': { type: 'string', default: '3' },
    ttl: { type: 'string', default: '9000' },
  },
});

/** Reads NAME=value lines; quotes around a value are not part of it. */
function readEnv(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const pairs = lines.flatMap((line) => {
    const [, name, value] = line.match(/^([A-Z0-9_]+)=(.*)$/) ?? [];
    return name === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, '$2')]];
  });
  return Object.fromEntries(pairs);
}

/** Runs a service: `verify` gets a request and what there is to verify it with, and gives status, body and who it was. */
export function serve({ path, metric, verify }) {
  let env = readEnv(options.env);
  const store = options.redis === undefined ? undefined : new Redis({ port: Number(options.redis), host: '127.0.0.1' });
  store?.on('error', () => {});
  const own = new Set();
  const accepted = new Map();
  const faults = () => (existsSync(options.faults) ? readFileSync(options.faults, 'utf8').split(/\s+/) : []);
  const context = {
    maxAge: Number(options['max-age']),
    env: () => env,
    fault: (name) => faults().includes(name),
    /** Whether a nonce is used; it is from now on. */
    async used(key) {
      if (context.fault('forgets')) return false;
      if (store === undefined || context.fault('own-memory')) {
        const known = own.has(key);
        own.add(key);
        return known;
      }
      return (await store.set(key, '1', 'PX', Number(options.ttl), 'NX')) === null;
    },
  };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.setHeader('x-instance-id', options.name);
    if (request.url === '/metrics') return response.end(page(metric, accepted));
    const [place] = request.url.split('?');
    if (place !== path) return response.writeHead(404).end();
    const result = await verify({ ...context, request, body: Buffer.concat(chunks) });
    const agent = request.headers['user-agent'] ?? '';
    if (result.client !== undefined) {
      const caller = agent.startsWith('rotctl/') ? 'rotctl' : 'other';
      const label = `client="${result.client}",secret="${result.secret}",caller="${caller}"`;
      accepted.set(label, (accepted.get(label) ?? 0) + 1);
    }
    response.writeHead(result.status, { 'content-type': result.type ?? 'application/json' }).end(result.text ?? '');
  });
  server.listen(Number(options.port), '127.0.0.1');
  process.on('SIGHUP', () => {
    env = readEnv(options.env);
  });
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 500).unref();
  });
}

/** The first digits of the SHA-256 of a secret's text. */
export function nameOf(secret) {
  return createHash('sha256').update(secret).digest('hex').slice(0, 16);
}

function page(metric, accepted) {
  const lines = [...accepted].map(([label, count]) => `${metric}{${label}} ${count}`);
  return `# TYPE ${metric} counter\n${lines.join('\n')}\n`;
}
