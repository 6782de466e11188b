import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';

const LINE = 64;
const MAX_CERTIFICATES = 100;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----/g;

/** Writes DER bytes as one PEM block (RFC 7468), ending in a newline. */
export function pemOf(label: string, der: Uint8Array): string {
  const text = Buffer.from(der).toString('base64');
  const lines = text.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/**
 * Reads a bundle of certificates strictly: at least one, each block parses, and nothing else stands in the file but
 * blank lines and `#` comments. Node's own TLS silently takes what it can read.
 * Throws `INPUT_INVALID` naming `file`: no block, a torn block, a block of another kind (a private key!), bad DER.
 */
export function readBundle(text: string, file: string): readonly X509Certificate[] {
  const blocks = [...text.matchAll(BLOCK)];
  const begins = text.match(/-----BEGIN/g)?.length ?? 0;
  const ends = text.match(/-----END/g)?.length ?? 0;
  for (const [, label] of blocks) {
    if (label !== 'CERTIFICATE') refuse(file, `a bundle must hold only CERTIFICATE blocks, got a ${label} block`);
  }
  if (begins !== blocks.length || ends !== blocks.length) {
    refuse(file, `${Math.max(begins, ends)} PEM blocks begin or end, ${blocks.length} are whole`);
  }
  if (blocks.length === 0) refuse(file, 'a bundle must hold at least one CERTIFICATE block, got none');
  if (blocks.length > MAX_CERTIFICATES)
    refuse(file, `a bundle may hold ${MAX_CERTIFICATES} certificates, got ${blocks.length}`);
  refuseStray(text.replace(BLOCK, ''), file);
  return blocks.map(([block], index) => parse(block, file, index + 1));
}

/**
 * Reads a private key in PEM. Throws `INPUT_INVALID` when it does not parse or is encrypted; the message holds
 * nothing of the key.
 */
export function readPrivateKey(text: string, file = 'private key'): KeyObject {
  try {
    return createPrivateKey({ key: text, format: 'pem' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new RotctlError('INPUT_INVALID', `must be an unencrypted PEM private key, got ${code}`, { at: { file } });
  }
}

function refuseStray(rest: string, file: string): void {
  const stray = rest.split(/\r?\n/).findIndex((line) => line.trim() !== '' && !line.startsWith('#'));
  if (stray >= 0) refuse(file, 'only blank lines and # comments may stand between PEM blocks, got other text');
}

function parse(block: string, file: string, ordinal: number): X509Certificate {
  try {
    const certificate = new X509Certificate(block);
    const base64 = block.replace(/-----[A-Z ]+-----|\s/g, '');
    if (certificate.raw.length !== Buffer.from(base64, 'base64').length)
      refuse(file, `certificate ${ordinal} has bytes after its end`);
    return certificate;
  } catch (error) {
    if (error instanceof RotctlError) throw error;
    return refuse(file, `certificate ${ordinal} does not parse`);
  }
}

function refuse(file: string, message: string): never {
  throw new RotctlError('INPUT_INVALID', message, { at: { file } });
}
