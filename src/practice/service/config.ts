import { readFileSync } from 'node:fs';
import { readEnvFile, required, requiredNumber } from '../env-file.ts';
import { isTrue, type Material, readMaterial } from '../gate/material.ts';
import type { Route } from '../traffic/sender.ts';

/** A signing service's settings, as its env file has them. */
export interface ServiceConfig extends Route {
  readonly actor: string;
  readonly session: string;
  readonly tool: string;
  readonly material: Material;
  /** Whether requests also bear a signature by the previous secret. */
  readonly dualSign: boolean;
  readonly ratePerSecond: number;
}

/** Reads a service's env file and the CA that it names. Throws on the first thing wrong; never quotes a value. */
export function readServiceConfig(path: string): ServiceConfig {
  const env = readEnvFile(path);
  required(env, 'INTERSERVICE_HMAC_SECRET');
  return {
    actor: required(env, 'SERVICE_ACTOR'),
    session: required(env, 'SERVICE_SESSION'),
    tool: required(env, 'SERVICE_TOOL'),
    material: readMaterial(env),
    dualSign: isTrue(env.get('TOOL_GATE_DUAL_SIGN')),
    target: new URL(required(env, 'SERVICE_TARGET')),
    serverName: required(env, 'SERVICE_SERVER_NAME'),
    path: required(env, 'SERVICE_PATH'),
    ratePerSecond: requiredNumber(env, 'SERVICE_RATE_PER_SECOND'),
    tls: { ca: readFileSync(required(env, 'SERVICE_TLS_CA'), 'utf8') },
  };
}
