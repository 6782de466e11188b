import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { RotctlError } from '../errors/rotctl-error.ts';
import { scanPem } from './pem.ts';

/** A file of certificates as it was read, with what is wrong with it as a file. */
export interface CertificateFile {
  /** As the fleet file names it, or its path. */
  readonly file: string;
  readonly certificates: readonly X509Certificate[];
  /** Why the file cannot be used, or not whole, in words that follow its name. */
  readonly problem: string | undefined;
}

/** A file with a private key. */
export interface KeyFile {
  readonly file: string;
  readonly key: KeyObject | undefined;
  readonly problem: string | undefined;
}

/** What a fleet's TLS files hold; absent are those that it does not name. */
export interface TlsReading {
  readonly ca: CertificateFile | undefined;
  readonly cert: CertificateFile | undefined;
  readonly key: KeyFile | undefined;
}

/** Where the files are, and how each kind is read. */
export interface TlsPaths {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Reads a text file; throws a `RotctlError` when it cannot. */
type Read = (path: string) => Promise<string>;

/**
 * Reads a fleet's TLS files without judging what is in them. Never throws for what a file is or holds: that is its problem.
 *
 * @param readPrivate reads a file that only its owner may read
 */
export async function readTlsFiles(paths: TlsPaths, read: Read, readPrivate: Read): Promise<TlsReading> {
  const certificates = async (path: string | undefined, kind: 'bundle' | 'chain') =>
    path === undefined ? undefined : certificatesIn(await textOf(path, read), path, kind);
  return {
    ca: await certificates(paths.ca, 'bundle'),
    cert: await certificates(paths.cert, 'chain'),
    key: paths.key === undefined ? undefined : keyIn(await textOf(paths.key, readPrivate), paths.key),
  };
}

/**
 * Reads certificates in PEM and counts: each block that begins must end and parse, since TLS libraries silently take what
 * they can. Text between blocks is let be, as they let it. A chain may stand in one file with its key, a bundle may not.
 */
export function certificatesIn(text: string | RotctlError, file: string, kind: 'bundle' | 'chain'): CertificateFile {
  const bad = (problem: string, certificates: readonly X509Certificate[] = []): CertificateFile => ({
    file,
    certificates,
    problem,
  });
  if (typeof text !== 'string') return bad(text.message);
  const { blocks, begun } = scanPem(text);
  const wanted = blocks.filter(({ label }) => label === 'CERTIFICATE' || label === 'TRUSTED CERTIFICATE');
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const parsed = wanted.flatMap((block) => parsedOf(block.text) ?? []);
  if (text.trim() === '') return bad('is empty; a server then trusts nobody, or everybody');
  if (begun === 0) return bad('holds no PEM block; is it DER?');
  if (begun !== blocks.length) {
    return bad(
      `is torn: ${begun} PEM blocks begin, ${blocks.length} are whole, ${parsed.length} certificates parse`,
      parsed,
    );
  }
  if (parsed.length !== wanted.length) {
    return bad(`holds ${wanted.length} certificates, of which ${parsed.length} parse`, parsed);
  }
  if (kind === 'bundle' && keys.length > 0)
    return bad('holds a private key, which does not belong in a bundle', parsed);
  if (parsed.length === 0) return bad('holds no certificate');
  return { file, certificates: parsed, problem: undefined };
}

function keyIn(text: string | RotctlError, file: string): KeyFile {
  if (typeof text !== 'string') return { file, key: undefined, problem: text.message };
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    return {
      file,
      key: undefined,
      problem: 'is encrypted with a passphrase; give an unencrypted key in a file of mode 0600',
    };
  }
  try {
    return { file, key: createPrivateKey({ key: text, format: 'pem' }), problem: undefined };
  } catch {
    return { file, key: undefined, problem: 'holds no private key in PEM that parses' };
  }
}

/**
 * What makes connections impossible, whatever the servers do: a file that cannot be used, or a key of another certificate.
 *
 * @returns the file's field and the reason, or `undefined`
 */
export function unusableIn({
  ca,
  cert,
  key,
}: TlsReading): { readonly file: string; readonly reason: string } | undefined {
  for (const [field, one] of [
    ['tls.ca', ca],
    ['tls.cert', cert],
    ['tls.key', key],
  ] as const) {
    if (one?.problem !== undefined) return { file: one.file, reason: `${field} ${one.problem}` };
  }
  const mismatch = keyMismatch(cert, key);
  return mismatch === undefined || key === undefined ? undefined : { file: key.file, reason: `tls.key ${mismatch}` };
}

/** Why a key is not that of the first certificate of a chain, or `undefined`. */
export function keyMismatch(cert: CertificateFile | undefined, key: KeyFile | undefined): string | undefined {
  const [leaf] = cert?.certificates ?? [];
  if (leaf === undefined || key?.key === undefined || leaf.checkPrivateKey(key.key)) return undefined;
  return `is not the key of the certificate in tls.cert (${oneLine(leaf.subject)})`;
}

/** A name of a certificate in one line: `CN=signer, O=example`. */
export function oneLine(name: string): string {
  return name.trim().split('\n').join(', ');
}

function parsedOf(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block.replaceAll('TRUSTED CERTIFICATE', 'CERTIFICATE'));
  } catch {
    return undefined;
  }
}

async function textOf(path: string, read: Read): Promise<string | RotctlError> {
  try {
    return await read(path);
  } catch (error) {
    if (error instanceof RotctlError) return error;
    throw error;
  }
}
