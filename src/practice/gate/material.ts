import { readFileSync } from 'node:fs';
import type { Variables } from '../env-file.ts';

const SECRETS_PREFIX = '/run/secrets/';
const TRUE = ['1', 'true', 'yes'];

/** A secret and the key id that names it. */
export interface Key {
  readonly id: string;
  readonly secret: string;
}

/** The variables about secrets that gates and services have in common, as the env file has them. */
export interface Material {
  /** The primary secret: signs and verifies. The text itself, or the path of a file that holds it. */
  readonly primary: string;
  /** The previous secret: verifies only, and is sent beside the primary's when signing twice. */
  readonly previous: string;
  readonly keyId: string;
  readonly previousKeyId: string;
  /** A value that begins with it is such a path. */
  readonly secretsPrefix: string;
}

/** The key id of the previous secret where no variable gives one. */
export const DEFAULT_PREVIOUS_KEY_ID = 'v0';

/** Reads those variables; what is unset or empty is empty, or has its default. */
export function readMaterial(env: Variables): Material {
  return {
    primary: env.get('INTERSERVICE_HMAC_SECRET') ?? '',
    previous: env.get('INTERSERVICE_HMAC_SECRET_PREV') ?? '',
    keyId: env.get('INTERSERVICE_HMAC_KEY_ID') || 'v1',
    previousKeyId: env.get('INTERSERVICE_HMAC_KEY_ID_PREV') || DEFAULT_PREVIOUS_KEY_ID,
    secretsPrefix: env.get('GATE_SECRETS_PREFIX') || SECRETS_PREFIX,
  };
}

/** The primary and the previous key at this moment, read from their files where they are in files; absent when empty. */
export function keysOf(material: Material): { readonly primary: Key | undefined; readonly previous: Key | undefined } {
  return {
    primary: keyOf(material.keyId, secretIn(material.primary, material)),
    previous: keyOf(material.previousKeyId, secretIn(material.previous, material)),
  };
}

/** Whether a variable says yes: `1`, `true` or `yes`, and nothing else. */
export function isTrue(value: string | undefined): boolean {
  return TRUE.includes((value ?? '').trim().toLowerCase());
}

function keyOf(id: string, secret: string): Key | undefined {
  return secret === '' ? undefined : { id, secret };
}

/** A file that cannot be read is as good as an empty one. */
function secretIn(value: string, { secretsPrefix }: Material): string {
  if (!value.startsWith(secretsPrefix)) return value;
  try {
    return readFileSync(value, 'utf8').trim();
  } catch {
    return '';
  }
}
