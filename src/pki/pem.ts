import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';

const LINE = 64;
const MAX_CERTIFICATES = 100;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----(?:(?!-----)[\s\S])*-----END \1-----/g;

/** What a text holds in PEM, counted: TLS libraries silently take what they can of it. */
export interface PemScan {
  /** The blocks that are whole, in order. */
  readonly blocks: readonly { readonly label: string; readonly text: string }[];
  /** How many begin, and how many end: as many as there are blocks, or else something is torn. */
  readonly begun: number;
  readonly ended: number;
  /** What stands between the blocks. */
  readonly rest: string;
}

/** Finds the blocks of PEM (RFC 7468) in a text, whatever they hold. */
export function scanPem(text: string): PemScan {
  return {
    blocks: [...text.matchAll(BLOCK)].map(([block, label = '']) => ({ label, text: block })),
    begun: text.match(/-----BEGIN/g)?.length ?? 0,
    ended: text.match(/-----END/g)?.length ?? 0,
    rest: text.replace(BLOCK, ''),
  };
}

/** Writes DER bytes as one PEM block (RFC 7468), ending in a newline. */
export function pemOf(label: string, der: Uint8Array): string {
  const text = Buffer.from(der).toString('base64');
  const lines = text.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** The DER of a public key (SubjectPublicKeyInfo). */
export function derOf(key: KeyObject): Uint8Array {
  return Uint8Array.from(key.export({ type: 'spki', format: 'der' }));
}

/**
 * Reads a bundle of certificates strictly: at least one, each block parses, and nothing else stands in the file but
 * blank lines and `#` comments. Node's own TLS silently takes what it can read.
 * Throws `INPUT_INVALID` naming `file`: no block, a torn block, a block of another kind (a private key!), bad DER.
 */
export function readBundle(text: string, file: string): readonly X509Certificate[] {
  const { blocks, begun, ended, rest } = scanPem(text);
  const stranger = blocks.find(({ label }) => label !== 'CERTIFICATE');
  if (stranger !== undefined) {
    refuse(file, `a bundle must hold only CERTIFICATE blocks, got a ${stranger.label} block`);
  }
  if (begun !== blocks.length || ended !== blocks.length) {
    refuse(file, `${Math.max(begun, ended)} PEM blocks begin or end, ${blocks.length} are whole`);
  }
  if (blocks.length === 0) refuse(file, 'a bundle must hold at least one CERTIFICATE block, got none');
  if (blocks.length > MAX_CERTIFICATES)
    refuse(file, `a bundle may hold ${MAX_CERTIFICATES} certificates, got ${blocks.length}`);
  refuseStray(rest, file);
  return blocks.map((block, index) => parse(block.text, file, index + 1));
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
