import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { readRunbook } from '../../src/runbook/read.ts';
import type { PracticeFleet } from './practice-fleet.ts';

const RUNBOOK = new URL('../../runbooks/signer-mtls.yaml', import.meta.url).pathname;

/** The steps of a rotation of certificates. */
export const { program } = readRunbook(readFileSync(RUNBOOK, 'utf8'), RUNBOOK);

/** A chain and its key, as a client shows them, and the authority that has issued them. */
export interface Shown {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What stands in a file of the fleet's TLS folder. */
export function tlsText({ home }: Pick<PracticeFleet, 'home'>, file: string): string {
  return readFileSync(join(home, 'tls', file), 'utf8');
}

/** Every TLS file of the fleet, by name. */
export function tlsFiles(fleet: Pick<PracticeFleet, 'home'>): Readonly<Record<string, string>> {
  const names = readdirSync(join(fleet.home, 'tls')).filter((name) => !name.includes('wrong-purpose'));
  return Object.fromEntries(names.toSorted().map((name) => [name, tlsText(fleet, name)]));
}

/** What a client has now. */
export function shownBy(fleet: Pick<PracticeFleet, 'home'>, client: string): Shown {
  const [ca = '', cert = '', key = ''] = ['-trust.pem', '.pem', '.key'].map((end) => tlsText(fleet, `${client}${end}`));
  return { ca, cert, key };
}

/** Whether a chain's first certificate is signed by an authority. */
export function isOf(chain: string, authority: string): boolean {
  return new X509Certificate(chain).verify(new X509Certificate(authority).publicKey);
}

/**
 * A signer's answer to a caller of our own that signs nothing, over a connection of its own: the error code, which is
 * `AUTH_MTLS_REQUIRED` for a certificate that it does not let in, and about the missing signature for one that it does.
 */
export function answerTo(fleet: PracticeFleet, replica: string, shown: Shown, trust = shown.ca): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: portOf(fleet, replica), method: 'POST', path: '/v1/sign/session-transaction' },
        ...{ servername: `${replica}.practice.internal`, ca: trust, cert: shown.cert, key: shown.key, agent: false },
        headers: { 'x-keyring-client-id': 'client-a' },
      },
      (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve(/"errorCode":"(\w+)"/.exec(text)?.[1] ?? text));
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end('{"probe":true}');
  });
}

function portOf(fleet: Pick<PracticeFleet, 'fleetFile'>, replica: string): number {
  const at = new RegExp(`- name: ${replica}\\s+url: https://127.0.0.1:(\\d+)`);
  return Number(at.exec(readFileSync(fleet.fleetFile, 'utf8'))?.[1]);
}

/** The certificates that the signers serve, by their fingerprints, in the signers' order. */
export function servedBy(fleet: PracticeFleet): Promise<string[]> {
  const shown = (replica: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: portOf(fleet, replica), rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  return Promise.all(fleet.replicas.map(shown));
}

/** Collects private keys, and looks for any line of them. */
export class KeySearch {
  readonly #lines = new Set<string>();

  /** Learns every key that stands in the TLS folder now. */
  learn(fleet: Pick<PracticeFleet, 'home'>): void {
    for (const [name, text] of Object.entries(tlsFiles(fleet)))
      if (name.endsWith('.key'))
        for (const line of text.split('\n')) if (/^[A-Za-z0-9+/=]{16,}$/.test(line)) this.#lines.add(line);
  }

  get size(): number {
    return this.#lines.size;
  }

  /** Whether a text holds a line of a key, or says that one begins. */
  isIn(text: string): boolean {
    return text.includes('PRIVATE KEY') || [...this.#lines].some((line) => text.includes(line));
  }

  /** The files below the fleet's folder, but for the TLS files, that hold a line of a key. */
  filesWith({ home }: Pick<PracticeFleet, 'home'>): string[] {
    const entries = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = entries.map((entry) => join(entry.parentPath, entry.name));
    const outside = paths.filter((path) => !path.startsWith(join(home, 'tls')) && existsSync(path));
    return outside.filter((path) => this.isIn(readFileSync(path, 'latin1')));
  }
}
