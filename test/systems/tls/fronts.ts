import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import type { Target } from '../../../src/probe/round.ts';
import type { TestPki } from '../../support/test-pki.ts';

/** A server that ends TLS and demands client certificates. */
export interface Front extends Target {
  close(): Promise<void>;
}

/** Which version it speaks, and no other. */
export type Version = 'TLSv1.2' | 'TLSv1.3';

const HERE = new URL('.', import.meta.url).pathname;

interface Files {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

async function filesFor(pki: TestPki, serverName: string): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), 'rotctl-front-'));
  const issued = await pki.server(serverName);
  const files = { folder, cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  writeFileSync(files.cert, issued.cert);
  writeFileSync(files.key, issued.key, { mode: 0o600 });
  writeFileSync(files.ca, pki.ca);
  return files;
}

function frontOf(name: string, serverName: string, port: number, child: ChildProcess, folder: string): Front {
  return {
    name,
    serverName,
    url: new URL(`https://127.0.0.1:${port}`),
    close: async () => {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Python's ssl module before a signer: `CERT_REQUIRED`. */
export async function pythonFront(pki: TestPki, signer: Target, version: Version): Promise<Front> {
  const { folder, cert, key, ca } = await filesFor(pki, signer.serverName);
  const words = [
    '--cert',
    cert,
    '--key',
    key,
    '--ca',
    ca,
    '--version',
    version.replace('.', '_'),
    '--to',
    signer.url.port,
  ];
  const child = spawn('python3', [join(HERE, 'terminator.py'), ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return frontOf('python', signer.serverName, Number(line), child, folder);
}

/** nginx before a signer: `ssl_verify_client on`, which answers 400 after the handshake. */
export async function nginxFront(pki: TestPki, signer: Target, version: Version): Promise<Front> {
  const { folder, cert, key, ca } = await filesFor(pki, signer.serverName);
  const port = await freePort();
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(join(folder, name));
  const conf = `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} ssl; ssl_protocols ${version};
    ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_client_certificate ${ca}; ssl_verify_client on;
    location / { proxy_pass https://127.0.0.1:${signer.url.port}; }
  }
}
`;
  writeFileSync(join(folder, 'nginx.conf'), conf);
  const child = spawn('nginx', ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')], {
    stdio: 'inherit',
  });
  await listening(port);
  return frontOf('nginx', signer.serverName, port, child, folder);
}

/** OpenSSL's own test server: it demands a certificate, and has no signer behind it. */
export async function opensslFront(pki: TestPki, serverName: string, version: Version): Promise<Front> {
  const { folder, cert, key, ca } = await filesFor(pki, serverName);
  const port = await freePort();
  const words = [
    '-accept',
    `127.0.0.1:${port}`,
    '-cert',
    cert,
    '-key',
    key,
    '-CAfile',
    ca,
    '-Verify',
    '1',
    '-verify_return_error',
    '-www',
    '-quiet',
  ];
  const protocol = version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3';
  const child = spawn('openssl', ['s_server', ...words, protocol], { stdio: 'ignore' });
  await listening(port);
  return frontOf('openssl', serverName, port, child, folder);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Waits until a port takes connections. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    const up = await new Promise<boolean>((resolve) => {
      socket
        .once('secureConnect', () => resolve(true))
        .once('error', ({ message }) => resolve(!message.includes('ECONNREFUSED')));
    });
    socket.on('error', () => {}).destroy();
    if (up) return;
    await delay(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}
