import { join } from 'node:path';
import { paths } from '../layout.ts';

/** Path of a gate's requests. */
export const GATE_PATH = '/gate/request';
/** What rotctl's own requests say, so that they end after everything was verified and cause nothing. */
export const PROBE = { tool: 'practice.noop', session: 'practice-probe', actor: 'did:practice:rotctl' } as const;
/** The primary secret's variable. */
export const SECRET = 'INTERSERVICE_HMAC_SECRET';

/** What a service's requests bear as their actor. */
export function actorOf(service: string): string {
  return `did:practice:${service}`;
}

/** What a service's requests bear as their session. */
export function sessionOf(service: string): string {
  return `practice-${service}`;
}

/** Whether the gate is given its secrets as files: the third is, so that a fleet has both kinds. */
export function holdsSecretsInFiles(gate: string): boolean {
  return gate === 'gate-c';
}

/** What the paths of such files begin with. */
export function secretsPrefixOf(home: string, gate: string): string {
  return `${paths.secrets(home, gate)}/`;
}

/** The file of a variable's secret. */
export function secretFileOf(prefix: string, variable: string): string {
  return join(prefix, variable.toLowerCase());
}
