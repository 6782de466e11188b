import type { Entry, EntryKind, LedgerValue } from '../../src/ledger/entry.ts';
import type { Phase, Trigger } from '../../src/machine/phase.ts';
import { CHECKS } from '../../src/probe/checks/list.ts';

type Data = { readonly [key: string]: LedgerValue };

const REPLICAS = ['signer-a', 'signer-b', 'signer-c'];
const CLIENTS = ['client-a', 'client-b'];
const START = Date.UTC(2026, 10, 21, 9, 0, 0);
/** What becomes of the world between two entries. */
const TICK_MS = 100;

/** Changes an entry of a good ledger, or drops it. */
export type Spoil = (entry: Entry) => Data | undefined;

/** Writes entries as the runner and the drill write them, a tick apart; hashes are stand-ins that chain. */
class Pen {
  readonly entries: Entry[] = [];
  now = START;
  phase: Phase = 'stable';
  rotation = 'drill-1';
  runbook = 'drill';

  note(kind: EntryKind, data: Data, step: string | null = null): void {
    this.now += TICK_MS;
    const seq = this.entries.length + 1;
    const prev = this.entries.at(-1)?.hash ?? 'sha256:0';
    const head = {
      seq,
      at: new Date(this.now).toISOString(),
      rotation: this.rotation,
      fleet: 'practice',
      runbook: this.runbook,
    };
    this.entries.push({ ...head, phase: this.phase, step, kind, data, prev, hash: `sha256:${seq}` });
  }

  move(trigger: Trigger, to: Phase): void {
    const from = this.phase;
    this.phase = to;
    this.note(trigger === 'destroy' ? 'destroy' : 'checkpoint', { trigger, from, goal: 'destroyed' });
  }

  step(step: string, action: string, targets: readonly string[], proofs: () => void = () => {}): void {
    this.note('intent', { action, targets }, step);
    proofs();
    this.note('outcome', { result: 'done', verdict: 'pass', targets }, step);
  }

  round(proof: 'accepts' | 'refuses', generation: 'current' | 'next', replicas: readonly string[]): void {
    const expected = proof === 'accepts' ? 'ACCEPTED' : 'AUTH_INVALID_HMAC';
    const at = new Date(this.now).toISOString();
    const cells = replicas.flatMap((replica) =>
      CLIENTS.map(
        (client): Data => ({ client, generation, replica, expected, seen: expected, verdict: 'pass', at, ms: 3 }),
      ),
    );
    this.note('evidence', { proof, generation, verdict: 'pass', cells });
  }

  checks(proof: string, ids: readonly string[]): void {
    this.note('evidence', {
      proof,
      verdict: 'pass',
      checks: ids.flatMap((id) => REPLICAS.map((target) => passing(id, target))),
    });
  }

  traffic(): void {
    const routes = Object.fromEntries(
      ['balancer', ...REPLICAS].map((route) => [route, { sent: 40, accepted: 40, refused: 0, faults: 0 }]),
    );
    this.note('evidence', { traffic: { sent: 160, accepted: 160, refused: 0, faults: 0, routes }, verdict: 'pass' });
  }

  begin(rotation: string): void {
    this.rotation = rotation;
    this.runbook = 'signer-hmac';
    this.phase = 'stable';
    this.state('before');
    this.note('header', {
      version: '0.1.0',
      replicas: REPLICAS,
      clients: CLIENTS,
      compromised: false,
      policy: { minOverlapMs: 1000, soakMs: 1000, failureBudget: 0, onFailedOverlap: 'roll-back' },
      limits: { overlapMs: 10_000, undoMs: 15_000 },
      minSamples: 50,
    });
    this.checks(
      'preflight',
      CHECKS.map(({ id }) => id).filter((id) => id !== 'replay.namespace' && id !== 'replay.after-ttl'),
    );
  }

  state(when: 'before' | 'after'): void {
    const state = Object.fromEntries(REPLICAS.map((replica) => [replica, { 'client-a': ['k1'], 'client-b': ['k2'] }]));
    this.note('evidence', { state, when, verdict: 'pass' });
  }

  drill(): void {
    this.rotation = 'drill-1';
    this.runbook = 'drill';
  }
}

function passing(id: string, target: string): Data {
  const expected = expectedOf(id);
  return { id, verdict: 'pass', critical: true, target, expected, seen: expected, samples: 3, ms: 4 };
}

function expectedOf(id: string): string {
  if (id === 'replay_nonce_rejected') return 'ACCEPTED, REPLAY_NONCE_USED';
  if (id === 'replay.concurrent') return '1 of 12 accepted';
  if (id.startsWith('replay.')) return 'REPLAY_NONCE_USED';
  return id.endsWith('_rejected') || id.startsWith('control.') ? 'AUTH_INVALID_HMAC' : 'ACCEPTED';
}

function open(pen: Pen): void {
  pen.move('overlap', 'opening');
  for (const replica of REPLICAS) {
    pen.step('add-next', 'write', [replica]);
    for (const [step, action] of [
      ['roll', 'reload'],
      ['roll-by-restart', 'restart'],
    ] as const) {
      pen.step(step, action, [replica], () => {
        pen.round('accepts', 'current', [replica]);
        pen.round('accepts', 'next', [replica]);
        pen.checks('namespace', ['replay.namespace']);
      });
    }
  }
  pen.step('verify-overlap', 'prove', ['fleet'], () => {
    pen.round('accepts', 'current', REPLICAS);
    pen.round('accepts', 'next', [...REPLICAS, 'balancer']);
    pen.checks('replay', ['replay.same-replica', 'replay.cross-replica', 'replay.concurrent']);
  });
  pen.traffic();
  pen.move('complete', 'overlap');
}

function switchClients(pen: Pen): void {
  pen.move('move-clients', 'moving');
  for (const client of CLIENTS) {
    pen.step('redeploy-client', 'restart', [client], () => {
      const check = {
        ...passing('usage.signs', client),
        expected: 'this secret and no other',
        seen: '9 as expected, 0 otherwise',
      };
      pen.note('evidence', { proof: 'signs', generation: 'next', verdict: 'pass', checks: [check] });
    });
  }
  pen.traffic();
  pen.move('complete', 'switched');
}

function retire(pen: Pen): void {
  pen.now += 1000;
  pen.note('gate', {
    gate: 'time',
    trigger: 'retire',
    hasMs: 1000,
    needsMs: 1000,
    earliest: new Date(pen.now).toISOString(),
    verdict: 'pass',
  });
  pen.move('retire', 'retiring');
  pen.step('confirm-unused', 'prove', ['fleet'], () => {
    const checks = CLIENTS.map((client) => ({
      ...passing('usage.unused', client),
      expected: 'not this secret',
      seen: '9 as expected, 0 otherwise',
      samples: 9,
    }));
    pen.note('evidence', { proof: 'unused', generation: 'current', verdict: 'pass', checks });
  });
  for (const replica of REPLICAS) {
    pen.step('remove-current', 'write', [replica]);
    pen.step('roll-out-current', 'reload', [replica], () => {
      pen.round('refuses', 'current', [replica]);
      pen.checks('namespace', ['replay.namespace']);
    });
  }
  pen.step('verify-retired', 'prove', ['fleet'], () => {
    pen.round('accepts', 'next', REPLICAS);
    pen.round('refuses', 'current', REPLICAS);
    pen.checks('replay', ['replay.same-replica', 'replay.cross-replica']);
  });
  pen.traffic();
  pen.move('complete', 'retired');
  pen.move('destroy', 'destroying');
  pen.step('verify-still-refused', 'prove', ['fleet'], () => pen.round('refuses', 'current', REPLICAS));
  pen.move('complete', 'destroyed');
  pen.checks('after-ttl', ['replay.after-ttl']);
}

function failedCutover(pen: Pen): void {
  const fault = { fault: 'misses-next', target: 'signer-c' };
  pen.drill();
  pen.note('fault', { ...fault, event: 'planted', proof: 'the replica has confirmed it' });
  pen.begin('rotation-2');
  pen.move('overlap', 'opening');
  pen.note('intent', { action: 'reload', targets: ['signer-c'] }, 'roll');
  const at = new Date(pen.now).toISOString();
  const cell = {
    client: 'client-a',
    generation: 'next',
    replica: 'signer-c',
    expected: 'ACCEPTED',
    seen: 'AUTH_INVALID_HMAC',
    verdict: 'fail',
    at,
    ms: 3,
  };
  pen.note('evidence', { proof: 'accepts', generation: 'next', verdict: 'fail', cells: [cell] }, 'roll');
  pen.note('outcome', { result: 'failed', verdict: 'fail', targets: ['signer-c'], reason: 'next is refused' }, 'roll');
  pen.move('rollback', 'closing');
  pen.step('roll-back', 'reload', ['signer-c'], () => pen.checks('namespace', ['replay.namespace']));
  pen.step('verify-rolled-back', 'prove', ['fleet'], () => {
    pen.round('accepts', 'current', REPLICAS);
    pen.round('refuses', 'next', REPLICAS);
    pen.checks('namespace', ['replay.namespace']);
    pen.checks('replay', ['replay.same-replica', 'replay.cross-replica']);
  });
  pen.traffic();
  pen.move('complete', 'rolled-back');
  pen.state('after');
  pen.drill();
  pen.note('fault', { ...fault, event: 'found', check: 'accepts.next' });
  pen.note('fault', { ...fault, event: 'lifted' });
}

/** The ledger of a whole good drill, without its verdict. */
export function goodDrill(): Entry[] {
  const pen = new Pen();
  pen.note('header', {
    version: '0.1.0',
    environment: 'practice',
    expects: ['rotation', 'failed-cutover', 'outage', 'hygiene'],
    faults: [],
  });
  pen.begin('rotation-1');
  open(pen);
  switchClients(pen);
  retire(pen);
  failedCutover(pen);
  pen.note('incident', { severity: 'auth', what: 'the replay store is out', began: new Date(pen.now).toISOString() });
  pen.note('evidence', {
    proof: 'fail-closed',
    verdict: 'pass',
    checks: REPLICAS.map((replica) => ({
      ...passing('store.fail-closed', replica),
      expected: 'refused',
      seen: '0 of 6 accepted',
    })),
  });
  pen.note('evidence', {
    clients: {
      'client-a': { accepted: 60, refused: 0, faults: 6 },
      'client-b': { accepted: 61, refused: 0, faults: 6 },
    },
    verdict: 'pass',
  });
  pen.note('evidence', { hygiene: { searched: 40, found: 0, where: [] }, verdict: 'pass' });
  return pen.entries;
}

/** The good ledger with entries changed (new data) or dropped (`undefined`); `seq` is left as it was. */
export function spoilt(spoil: Spoil, entries = goodDrill()): Entry[] {
  return entries.flatMap((entry) => {
    const data = spoil(entry);
    return data === undefined ? [] : [{ ...entry, data }];
  });
}

/** The entries with one more of the drill's own at the end. */
export function withMore(kind: EntryKind, data: Data, over: Partial<Entry> = {}, entries = goodDrill()): Entry[] {
  const last = entries.at(-1);
  if (last === undefined) return [];
  return [
    ...entries,
    { ...last, seq: last.seq + 1, prev: last.hash, hash: `sha256:${last.seq + 1}`, kind, data, step: null, ...over },
  ];
}

/** Verified as the ledger's own code would say. */
export const VERIFIED = { ledger: { ok: true, entries: 10_000 }, lastPassAt: '2026-11-01T00:00:00.000Z' } as const;
