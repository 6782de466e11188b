import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { TestFleet } from './harness.ts';

/** One gate request of the test's own making, with everything that a row may want wrong. */
export interface GateShot {
  readonly tool?: string;
  readonly actor?: string;
  readonly session?: string;
  readonly nonce?: string;
  readonly ts?: number;
  readonly secret?: string;
  readonly keyId?: string;
  /** In place of the signature that the test makes; null leaves it out. */
  readonly signature?: string | null;
  readonly signatures?: readonly unknown[];
  /** Put into the body, over everything else; an undefined value takes the field away. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** In place of the whole body. */
  readonly raw?: string;
  readonly path?: string;
  readonly method?: string;
  readonly userAgent?: string;
  readonly agent?: Agent;
}

/** What came back; `said` is `APPROVED`, `DENIED`, the detail's text, or the transport's error. */
export interface GateHit {
  readonly status: number;
  readonly said: string;
  readonly json: Record<string, unknown>;
  readonly instance: string;
  readonly connection: string;
  readonly ms: number;
}

export const NOOP = 'practice.noop';
export const SESSION = 'practice-probe';
export const ACTOR = 'did:practice:test';
const SECRET = 'INTERSERVICE_HMAC_SECRET';

/** The fields that are signed, before the gate has cleaned them. */
export interface Signed {
  readonly actor: string;
  readonly session: string;
  readonly tool: string;
  readonly nonce: string;
  readonly ts: number;
}

/** A signature's text, by the protocol's own words. */
export function signatureText(keyId: string, secret: string, { actor, session, tool, nonce, ts }: Signed): string {
  const text = `${actor}|${session}|${tool}|${nonce}|${Math.floor(ts)}`;
  return `${keyId}:${createHmac('sha256', secret).update(text).digest('hex')}`;
}

export function freshSecret(): string {
  return randomBytes(32).toString('hex');
}

export function freshNonce(): string {
  return randomBytes(16).toString('hex');
}

export function nowSeconds(): number {
  return Date.now() / 1000;
}

/** The secret that the services' env files hold. */
export function sharedSecret(fleet: TestFleet, service = 'langgraph'): string {
  return variablesIn(join(fleet.home, 'services', `${service}.env`))[SECRET] ?? '';
}

/** The variables of an env file, as they are written. */
export function variablesIn(path: string): Record<string, string> {
  const found = readFileSync(path, 'utf8').matchAll(/^([A-Z_]+)="(.*)"$/gm);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, value]));
}

/** Writes variables into an env file, in place of those that it has; undefined takes one away. */
export function writeVariables(path: string, changes: Readonly<Record<string, string | undefined>>): void {
  const kept = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => !Object.keys(changes).some((name) => line.startsWith(`${name}=`)));
  const lines = Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${value}"`]));
  writeFileSync(path, `${[...kept, ...lines].join('\n')}\n`);
}

/** Path of a gate's or a service's env file. */
export function envOf(fleet: TestFleet, name: string): string {
  return join(fleet.home, name.startsWith('gate-') || name === 'template' ? 'gates' : 'services', `${name}.env`);
}

/** TLS options of a caller of this fleet; nobody shows a certificate. */
export function gateTls(fleet: TestFleet): { ca: string; servername: string } {
  return { ca: readFileSync(join(fleet.home, 'tls', 'ca.pem'), 'utf8'), servername: 'gate.practice.internal' };
}

/** Sends one request to a port and waits for its end; a transport error is a hit of status 0. */
export function shootGate(fleet: TestFleet, target: string, shot: GateShot = {}): Promise<GateHit> {
  const { agent = new Agent(gateTls(fleet)), path = '/gate/request', method = 'POST' } = shot;
  const body = method === 'GET' ? undefined : (shot.raw ?? JSON.stringify(bodyOf(fleet, shot)));
  const headers = { 'content-type': 'application/json', 'user-agent': shot.userAgent ?? 'practice-test/1' };
  const began = performance.now();
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const said = error.code ?? error.message;
      resolve({ status: 0, said, json: {}, instance: '', connection: '', ms: performance.now() - began });
    };
    const options = { host: '127.0.0.1', port: fleet.port(target), agent, method, path, headers };
    const sent = request(options, (response) => {
      let text = '';
      response.on('error', failed);
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const json = JSON.parse(text);
        resolve({
          status: response.statusCode ?? 0,
          said: saidIn(json),
          json,
          instance: String(response.headers['x-signer-instance'] ?? ''),
          connection: String(response.headers.connection ?? ''),
          ms: performance.now() - began,
        });
      });
    });
    sent.on('error', failed);
    sent.end(body);
  });
}

function bodyOf(fleet: TestFleet, shot: GateShot): Record<string, unknown> {
  const signed: Signed = {
    actor: shot.actor ?? ACTOR,
    session: shot.session ?? SESSION,
    tool: shot.tool ?? NOOP,
    nonce: shot.nonce ?? freshNonce(),
    ts: shot.ts ?? nowSeconds(),
  };
  const own = signatureText(shot.keyId ?? 'v1', shot.secret ?? sharedSecret(fleet), signed);
  const signature = shot.signature === undefined ? own : shot.signature;
  return {
    tool: signed.tool,
    params: {},
    conviction: 5,
    actor_did: signed.actor,
    session_id: signed.session,
    nonce: signed.nonce,
    ts: signed.ts,
    ...(signature === null ? {} : { signature }),
    ...(shot.signatures === undefined ? {} : { signatures: shot.signatures }),
    ...shot.fields,
  };
}

function saidIn(json: { detail?: unknown; approved?: unknown }): string {
  if (typeof json.detail === 'string') return json.detail;
  if (typeof json.approved === 'boolean') return json.approved ? 'APPROVED' : 'DENIED';
  return json.detail === undefined ? '' : JSON.stringify(json.detail);
}

/** The answer in a few words: its status and what it said. */
export async function answerOf(fleet: TestFleet, target: string, shot: GateShot = {}): Promise<string> {
  const { status, said } = await shootGate(fleet, target, shot);
  return `${status} ${said}`;
}

/** Asks for one of a gate's pages. */
export function pageOf(fleet: TestFleet, target: string, path: string): Promise<GateHit> {
  return shootGate(fleet, target, { method: 'GET', path });
}

/** What a gate's ledger has of one actor. */
export async function ledgerOf(fleet: TestFleet, gate: string, actor: string): Promise<readonly Accepted[]> {
  const { entries } = (await pageOf(fleet, gate, '/ledger')).json as { entries: readonly Accepted[] };
  return entries.filter(({ actor_did }) => actor_did === actor);
}

/** One row of a gate's ledger. */
export interface Accepted {
  readonly at: number;
  readonly actor_did: string;
  readonly key_id: string | null;
}

/** What is signed of a request to be denied by policy, unless it is said otherwise. */
export function signedAs(fields: Pick<Signed, 'nonce' | 'ts'> & Partial<Signed>): Signed {
  return { actor: ACTOR, session: SESSION, tool: NOOP, ...fields };
}
