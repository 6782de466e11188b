import { readFileSync } from 'node:fs';
import { readEnvFile, required, requiredNumber, type Variables } from '../env-file.ts';
import { readStoreSettings, type StoreSettings } from '../replica/nonce-store.ts';
import { isTrue, type Material, readMaterial } from './material.ts';

const NONCE_TTL_SECONDS = 300;

/** A gate's settings, as its env file has them. Times are milliseconds. */
export interface GateConfig {
  readonly name: string;
  readonly port: number;
  readonly rules: GateRules;
  readonly signatureRequired: boolean;
  readonly nonceTtlMs: number;
  /** How far `ts` may be from now, in either direction. */
  readonly skewMs: number;
  readonly tools: ReadonlySet<string>;
  readonly sessions: ReadonlySet<string>;
  /** File of what it has accepted. */
  readonly ledger: string;
  readonly store: StoreSettings;
  readonly tls: { readonly cert: string; readonly key: string };
}

/** What a signature is judged by. */
export interface GateRules {
  readonly material: Material;
  /** A signature verifies only with the secret that its key id names. */
  readonly strict: boolean;
  /** Key ids that are refused whatever their digest. */
  readonly revoked: readonly string[];
}

/** Reads a gate's env file and the PEM files that it names. Throws on the first thing wrong; never quotes a value. */
export function readGateConfig(path: string): GateConfig {
  const env = readEnvFile(path);
  const nonceTtlMs = milliseconds(env, 'NONCE_TTL_SECONDS', NONCE_TTL_SECONDS * 1000);
  return {
    name: required(env, 'GATE_NAME'),
    port: requiredNumber(env, 'GATE_PORT'),
    rules: {
      material: readMaterial(env),
      strict: isTrue(env.get('INTERSERVICE_HMAC_STRICT_KEY_ID')),
      revoked: listOf(env.get('INTERSERVICE_HMAC_REVOKED_IDS')),
    },
    signatureRequired: isTrue(env.get('REQUIRE_SIGNATURE')),
    nonceTtlMs,
    skewMs: milliseconds(env, 'SIGNATURE_SKEW_SECONDS', nonceTtlMs),
    tools: new Set(listOf(required(env, 'GATE_TOOLS'))),
    sessions: new Set(listOf(required(env, 'GATE_SESSIONS'))),
    ledger: required(env, 'GATE_LEDGER'),
    store: readStoreSettings(env, 'GATE'),
    tls: {
      cert: readFileSync(required(env, 'GATE_TLS_CERT'), 'utf8'),
      key: readFileSync(required(env, 'GATE_TLS_KEY'), 'utf8'),
    },
  };
}

function listOf(value = ''): readonly string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function milliseconds(env: Variables, name: string, otherwise: number): number {
  const text = env.get(name) ?? '';
  if (text === '') return otherwise;
  const ms = Math.round(Number(text) * 1000);
  if (!Number.isSafeInteger(ms) || ms < 1) throw new Error(`${name} must be a number of seconds above nought`);
  return ms;
}
