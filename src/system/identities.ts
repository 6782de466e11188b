import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { RotctlError } from '../errors/rotctl-error.ts';

/** PEM texts: the bundle that replicas' certificates must chain to, and our own certificate with its key. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The TLS context to use, with our client certificate or without. Throws `INPUT_INVALID` without any material. */
export type Identities = (certificate: boolean) => SecureContext;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Checks the material and makes the two contexts when they are first needed: building one costs as much as a
 * handshake. An empty bundle is refused because Node takes it as "trust every public authority".
 */
export function createIdentities(tls: TlsMaterial | undefined): Identities {
  const made = new Map<boolean, SecureContext>();
  if (tls !== undefined) checkBundle(tls.ca);
  return (certificate) => {
    if (tls === undefined) throw new RotctlError('INPUT_INVALID', 'tls.ca must be given for https endpoints, got none');
    const withOurs = certificate && tls.cert !== undefined;
    const context = made.get(withOurs) ?? makeContext(tls, withOurs);
    made.set(withOurs, context);
    return context;
  };
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

function makeContext(tls: TlsMaterial, withOurs: boolean): SecureContext {
  try {
    return createSecureContext({
      ca: tls.ca,
      minVersion: 'TLSv1.2',
      ...(withOurs ? { cert: tls.cert, key: tls.key } : {}),
    });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new RotctlError('INPUT_INVALID', `tls.cert and tls.key must be a certificate and its key, got ${code}`);
  }
}
