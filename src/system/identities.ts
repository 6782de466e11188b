import { hash, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { reveal } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Identity, Presented, TlsVersion } from '../probe/ports.ts';

/** PEM texts: the bundle that replicas' certificates must chain to, and our own certificate with its key. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * The TLS context to use for what is presented, and for one version of TLS or for both. Throws `INPUT_INVALID` without any
 * material, and for a certificate and a key that do not fit.
 */
export type Identities = (presented: Presented, version?: TlsVersion) => SecureContext;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Checks the material and makes each context when it is first needed: building one costs as much as a handshake. An empty bundle is refused because Node takes it as "trust every public authority".
 */
export function createIdentities(tls: TlsMaterial | undefined): Identities {
  const made = new Map<string, SecureContext>();
  if (tls !== undefined) checkBundle(tls.ca);
  return (presented, version) => {
    if (tls === undefined) throw new RotctlError('INPUT_INVALID', 'tls.ca must be given for https endpoints, got none');
    const key = `${presentedKey(presented)} ${version ?? ''}`;
    const context = made.get(key) ?? makeContext(tls, presented, version);
    made.set(key, context);
    return context;
  };
}

const keys = new WeakMap<Identity, string>();

/** Tells what is presented from whatever else may be: an identity by its name and its chain. */
export function presentedKey(presented: Presented): string {
  if (typeof presented === 'boolean') return String(presented);
  const key = keys.get(presented) ?? `${hash('sha256', presented.chain)} ${presented.name}`;
  keys.set(presented, key);
  return key;
}

function checkBundle(ca: string): void {
  const blocks = ca.match(CERTIFICATE) ?? [];
  const begins = ca.match(/-----BEGIN/g)?.length ?? 0;
  if (blocks.length === 0) throw new RotctlError('INPUT_INVALID', 'tls.ca must hold a certificate, got none');
  if (begins !== blocks.length) {
    throw new RotctlError(
      'INPUT_INVALID',
      `tls.ca must hold whole certificates only, got ${blocks.length} of ${begins}`,
    );
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new RotctlError('INPUT_INVALID', `tls.ca: certificate ${index + 1} does not parse`, { cause });
    }
  }
}

function makeContext(tls: TlsMaterial, presented: Presented, version: TlsVersion | undefined): SecureContext {
  try {
    return createSecureContext({
      ca: tls.ca,
      minVersion: version ?? 'TLSv1.2',
      ...(version === undefined ? {} : { maxVersion: version }),
      ...shownOf(tls, presented),
    });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    const whose =
      typeof presented === 'boolean'
        ? 'tls.cert and tls.key'
        : `the chain and the key of the identity ${presented.name}`;
    throw new RotctlError('INPUT_INVALID', `${whose} must be a certificate and its key, got ${code}`);
  }
}

function shownOf(tls: TlsMaterial, presented: Presented): Pick<SecureContextOptions, 'cert' | 'key'> {
  if (typeof presented !== 'boolean') return { cert: presented.chain, key: reveal(presented.key) };
  return presented && tls.cert !== undefined ? { cert: tls.cert, key: tls.key } : {};
}
