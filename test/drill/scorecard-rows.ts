import type { Metric } from '../../src/drill/scorecard.ts';
import type { Entry, LedgerValue } from '../../src/ledger/entry.ts';
import { goodDrill, type Spoil, spoilt, withMore } from './scorecard-ledger.ts';

type Data = { readonly [key: string]: LedgerValue };
type Is = (entry: Entry) => boolean;

/** One way in which a game day goes wrong, the metric that must say so, and what it must say. */
export type Row = readonly [
  sentence: string,
  id: string,
  entries: () => Entry[],
  status: Metric['status'],
  reason: RegExp,
];

const change =
  (is: Is, data: (data: Entry['data']) => Data): Spoil =>
  (entry) =>
    is(entry) ? { ...entry.data, ...data(entry.data) } : entry.data;
const drop =
  (is: Is): Spoil =>
  (entry) =>
    is(entry) ? undefined : entry.data;
const spoiltBy = (spoil: Spoil) => () => spoilt(spoil);

const headerOf =
  (rotation: string): Is =>
  ({ kind, rotation: of }) =>
    kind === 'header' && of === rotation;
const proof =
  (name: string, phase: string): Is =>
  (entry) =>
    entry.data.proof === name && entry.phase === phase;
/** Evidence that has a key. */
export const records =
  (key: string): Is =>
  ({ kind, data }) =>
    kind === 'evidence' && data[key] !== undefined;
const moves =
  (trigger: string): Is =>
  ({ data }) =>
    data.trigger === trigger && data.from !== undefined;
const enters =
  (phase: string): Is =>
  (entry) =>
    entry.phase === phase && entry.data.from !== undefined;
const fault =
  (event: string): Is =>
  ({ kind, data }) =>
    kind === 'fault' && data.event === event;

/** Changes those parts of a list in an entry's data that match. */
const within = (key: 'cells' | 'checks', match: Data, over: Data) => (data: Entry['data']) => ({
  [key]: (data[key] as readonly Data[]).map((part) =>
    Object.entries(match).every(([name, value]) => part[name] === value) ? { ...part, ...over } : part,
  ),
});

const check = (id: string, over: Data) => change(records('checks'), within('checks', { id }, over));
const at = (data: Entry['data'], key: string): Data => data[key] as Data;

const refusedOnB = (data: Entry['data']): Data => {
  const traffic = at(data, 'traffic');
  const routes = traffic.routes as Data;
  return {
    traffic: {
      ...traffic,
      refused: 2,
      routes: { ...routes, 'signer-b': { sent: 40, accepted: 38, refused: 2, faults: 0 } },
    },
  };
};
const inPhase =
  (phase: string, is: Is): Is =>
  (entry) =>
    entry.phase === phase && is(entry);
const resurrected = within('cells', { replica: 'signer-b', client: 'client-a' }, { seen: 'ACCEPTED', verdict: 'fail' });

/** The good ledger with everything from an entry on happening later. */
export const shift = (is: Is, ms: number) => () => {
  let moved = 0;
  return goodDrill().map((entry) => {
    if (is(entry)) moved = ms;
    return { ...entry, at: new Date(Date.parse(entry.at) + moved).toISOString() };
  });
};

/** Every way in which a metric can fail or stay unknown. */
export const ROWS: readonly Row[] = [
  [
    'opening took longer than its plan',
    'time-to-overlap',
    shift((e) => e.step === 'verify-overlap', 20_000),
    'fail',
    /took 23\d+ ms, more than 10000 ms/,
  ],
  [
    'no rotation reached the overlap',
    'time-to-overlap',
    spoiltBy(drop(enters('overlap'))),
    'unknown',
    /nothing was measured/,
  ],
  [
    'one replica was never shown to accept next',
    'time-to-overlap',
    spoiltBy(
      change(
        (e) => e.rotation === 'rotation-1' && proof('accepts', 'opening')(e),
        within('cells', { replica: 'signer-b', generation: 'next' }, { verdict: 'unknown' }),
      ),
    ),
    'unknown',
    /signer-b/,
  ],
  [
    'the header declares no limit',
    'time-to-overlap',
    spoiltBy(change(headerOf('rotation-1'), () => ({ limits: {} }))),
    'unknown',
    /declares no limit/,
  ],
  [
    'no client was proven to be on next',
    'time-to-switch',
    spoiltBy(drop(proof('signs', 'moving'))),
    'unknown',
    /nothing was measured/,
  ],
  [
    'the overlap was shorter than its minimum',
    'overlap-length',
    spoiltBy(change(headerOf('rotation-1'), () => ({ policy: { minOverlapMs: 60_000 } }))),
    'fail',
    /less than 60000 ms/,
  ],
  ['nothing was retired', 'overlap-length', spoiltBy(drop(moves('retire'))), 'unknown', /nothing was measured/],
  [
    'a client signed with the old secret when it was removed',
    'stragglers',
    spoiltBy(
      change(proof('unused', 'retiring'), (data) => ({
        verdict: 'fail',
        ...within(
          'checks',
          { target: 'client-b' },
          { verdict: 'fail', seen: '6 as expected, 3 otherwise', reason: 'client-b still signs with k2' },
        )(data),
      })),
    ),
    'fail',
    /client-b still signs with k2/,
  ],
  [
    'usage was silent before the removal',
    'stragglers',
    spoiltBy(change(proof('unused', 'retiring'), () => ({ verdict: 'unknown', checks: [] }))),
    'unknown',
    /does not show that nobody uses/,
  ],
  [
    'the old secret was removed without looking',
    'stragglers',
    spoiltBy(drop(proof('unused', 'retiring'))),
    'unknown',
    /without proof/,
  ],
  [
    'a replica refused valid requests of the canary',
    'refused-valid',
    spoiltBy(change(inPhase('moving', records('traffic')), refusedOnB)),
    'fail',
    /moving, signer-b: 2 of 40 refused/,
  ],
  [
    'a client itself was refused',
    'refused-valid',
    spoiltBy(
      change(records('clients'), (data) => ({
        clients: { ...at(data, 'clients'), 'client-b': { accepted: 61, refused: 1, faults: 0 } },
      })),
    ),
    'fail',
    /client client-b: 1 of 62/,
  ],
  [
    'a client itself was refused, and it is known with what',
    'refused-valid',
    spoiltBy(
      change(records('clients'), (data) => ({
        clients: {
          ...at(data, 'clients'),
          'client-b': { accepted: 61, refused: 1, refusedBy: { AUTH_MTLS_REQUIRED: 1 }, faults: 0 },
        },
      })),
    ),
    'fail',
    /client client-b: 1 of 62 refused with AUTH_MTLS_REQUIRED/,
  ],
  ['there was no canary', 'refused-valid', spoiltBy(drop(records('traffic'))), 'unknown', /no canary traffic/],
  [
    'there was too little traffic',
    'refused-valid',
    spoiltBy(change(headerOf('rotation-1'), () => ({ minSamples: 5000 }))),
    'unknown',
    /761 valid requests were answered, fewer than 5000/,
  ],
  [
    'no request reached one replica',
    'refused-valid',
    spoiltBy(
      change(records('traffic'), (data) => ({
        traffic: {
          ...at(data, 'traffic'),
          routes: {
            ...(at(data, 'traffic').routes as Data),
            'signer-c': { sent: 9, accepted: 0, refused: 0, faults: 9 },
          },
        },
      })),
    ),
    'unknown',
    /signer-c/,
  ],
  [
    'a tampered body was accepted',
    'accepted-invalid',
    spoiltBy(check('control.tampered-body', { verdict: 'fail', seen: 'ACCEPTED' })),
    'fail',
    /signer-a accepted what control.tampered-body must see refused/,
  ],
  [
    'the empty key and its like were never tried',
    'accepted-invalid',
    spoiltBy(
      change(records('checks'), (data) => ({
        checks: (data.checks as Data[]).filter(({ id }) => !String(id).startsWith('control.')),
      })),
    ),
    'unknown',
    /not tried: control/,
  ],
  [
    'unknown clients were tried without a result',
    'accepted-invalid',
    spoiltBy(check('unknown_client_rejected', { verdict: 'unknown', seen: 'UNKNOWN' })),
    'unknown',
    /unknown_client_rejected/,
  ],
  [
    'a replay was accepted on another replica',
    'replay-leaks',
    spoiltBy(check('replay.cross-replica', { verdict: 'fail', seen: 'ACCEPTED' })),
    'fail',
    /replay.cross-replica on signer-a/,
  ],
  [
    'of many copies two were accepted',
    'replay-leaks',
    spoiltBy(check('replay.concurrent', { verdict: 'fail', seen: '3 of 12 accepted' })),
    'fail',
    /3 of 12 accepted/,
  ],
  [
    'a burned nonce was accepted after a reload',
    'replay-leaks',
    spoiltBy(
      change(
        inPhase('retiring', records('checks')),
        within('checks', { id: 'replay.namespace' }, { verdict: 'fail', seen: 'ACCEPTED' }),
      ),
    ),
    'fail',
    /replay.namespace/,
  ],
  [
    'no replay was tried after the rollback',
    'replay-leaks',
    spoiltBy(drop(proof('replay', 'closing'))),
    'unknown',
    /after the rollback$/,
  ],
  [
    'no replay was tried after the retirement',
    'replay-leaks',
    spoiltBy(drop((e) => proof('replay', 'retiring')(e) || proof('after-ttl', 'destroyed')(e))),
    'unknown',
    /after the retirement$/,
  ],
  [
    'replays after the switch came to nothing',
    'replay-leaks',
    spoiltBy(change(proof('namespace', 'retiring'), within('checks', {}, { verdict: 'unknown', seen: 'UNKNOWN' }))),
    'unknown',
    /after the switch$/,
  ],
  [
    'no replica was restarted',
    'replay-leaks',
    spoiltBy(
      change(
        (e) => e.kind === 'intent' && e.data.action === 'restart',
        () => ({ action: 'reload' }),
      ),
    ),
    'unknown',
    /after a restart$/,
  ],
  [
    'a retired secret was accepted again',
    'retire-latency',
    spoiltBy(change(proof('refuses', 'destroying'), resurrected)),
    'fail',
    /signer-b accepted the old secret of client-a after it was retired/,
  ],
  [
    'the old secret was last seen refused for another reason',
    'retire-latency',
    spoiltBy(
      change(
        (e) => proof('refuses', 'destroying')(e) || proof('refuses', 'retiring')(e),
        within('cells', { replica: 'signer-b' }, { seen: 'AUTH_INVALID_CLIENT', verdict: 'unknown' }),
      ),
    ),
    'unknown',
    /signer-b/,
  ],
  ['no rotation was retired', 'retire-latency', spoiltBy(drop(enters('retired'))), 'unknown', /nothing was measured/],
  [
    'a fault was never noticed',
    'time-to-detect',
    () => withMore('fault', { fault: 'keeps-old', target: 'signer-a', event: 'planted', proof: 'yes' }),
    'fail',
    /keeps-old on signer-a was never noticed/,
  ],
  [
    'nobody told of a fault',
    'time-to-detect',
    spoiltBy((e) =>
      e.kind === 'fault'
        ? undefined
        : headerOf('drill-1')(e)
          ? { ...e.data, faults: [{ name: 'slow', target: 'signer-a' }] }
          : e.data,
    ),
    'unknown',
    /nothing was measured/,
  ],
  [
    'no fault led to a rollback',
    'time-to-decide',
    spoiltBy(drop(moves('rollback'))),
    'unknown',
    /no fault led to a rollback/,
  ],
  [
    'going back took longer than its plan',
    'time-to-undo',
    spoiltBy(change(headerOf('rotation-2'), () => ({ limits: { overlapMs: 10_000, undoMs: 500 } }))),
    'fail',
    /took 1100 ms, more than 500 ms/,
  ],
  [
    'a rollback was begun and did not end',
    'time-to-undo',
    spoiltBy(drop(enters('rolled-back'))),
    'fail',
    /has not ended/,
  ],
  [
    'nothing was rolled back',
    'time-to-undo',
    spoiltBy(drop((e) => e.rotation === 'rotation-2')),
    'unknown',
    /nothing was measured/,
  ],
  [
    'the old state was not proven on one replica',
    'time-to-undo',
    spoiltBy(
      change(
        inPhase('closing', records('cells')),
        within('cells', { replica: 'signer-a', generation: 'next' }, { verdict: 'unknown' }),
      ),
    ),
    'unknown',
    /not proven on signer-a/,
  ],
  [
    'a replica kept next after the rollback',
    'rollback-fidelity',
    spoiltBy(
      change(
        (e) => e.data.when === 'after',
        (data) => ({ state: { ...at(data, 'state'), 'signer-b': { 'client-a': ['k1', 'k3'], 'client-b': ['k2'] } } }),
      ),
    ),
    'fail',
    /not as before on signer-b/,
  ],
  [
    'a nonce from before the rollback was accepted after it',
    'rollback-fidelity',
    spoiltBy(change(proof('namespace', 'closing'), within('checks', {}, { verdict: 'fail', seen: 'ACCEPTED' }))),
    'fail',
    /accepted after it/,
  ],
  [
    'the state after the rollback was not recorded',
    'rollback-fidelity',
    spoiltBy(drop((e) => e.data.when === 'after')),
    'unknown',
    /not recorded after/,
  ],
  [
    'a valid client was locked out by a replica',
    'lock-out',
    spoiltBy(
      change(
        proof('accepts', 'opening'),
        within('cells', { replica: 'signer-a', generation: 'current' }, { seen: 'AUTH_INVALID_HMAC', verdict: 'fail' }),
      ),
    ),
    'fail',
    /signer-a refused current of client-a/,
  ],
  [
    'the rotation itself reported an incident',
    'lock-out',
    () =>
      withMore(
        'incident',
        { severity: 'auth', what: 'refusals of client-a rose', began: '2026-11-21T09:00:00.000Z' },
        { rotation: 'rotation-1' },
      ),
    'fail',
    /refusals of client-a rose/,
  ],
  [
    'no valid request was sent at all',
    'lock-out',
    spoiltBy((e) => (records('traffic')(e) || records('clients')(e) || records('cells')(e) ? undefined : e.data)),
    'unknown',
    /nothing was measured/,
  ],
  [
    'two replicas were unreachable at once',
    'failure-budget',
    spoiltBy(
      change(
        (e) => e.rotation === 'rotation-1' && e.data.proof === 'accepts' && e.phase === 'retiring',
        within('cells', { generation: 'next' }, { seen: 'UNKNOWN', verdict: 'unknown' }),
      ),
    ),
    'fail',
    /signer-a, signer-b, signer-c failed or unreachable at once, more than 0/,
  ],
  [
    'no replica was looked at',
    'failure-budget',
    spoiltBy((e) => (records('cells')(e) || records('checks')(e) ? undefined : e.data)),
    'unknown',
    /nothing was measured/,
  ],
  [
    'a shipped check was not exercised',
    'coverage',
    spoiltBy(
      change(records('checks'), (data) => ({
        checks: (data.checks as Data[]).filter(({ id }) => id !== 'clock.window'),
      })),
    ),
    'unknown',
    /not exercised: clock.window/,
  ],
  [
    'an announced part was not played',
    'coverage',
    spoiltBy(drop((e) => e.data.proof === 'fail-closed')),
    'unknown',
    /not exercised: outage/,
  ],
  [
    'a check ended as a failure',
    'coverage',
    spoiltBy(check('store.fail-closed', { verdict: 'fail', reason: '6 of 6 accepted without a store' })),
    'fail',
    /store.fail-closed on signer-a: 6 of 6 accepted/,
  ],
  [
    'a check ended as unknown',
    'coverage',
    spoiltBy(check('fleet.distinct', { verdict: 'unknown', reason: 'not told apart' })),
    'unknown',
    /not told apart/,
  ],
  [
    'a rotation was left on its way',
    'coverage',
    spoiltBy(drop(enters('destroyed'))),
    'unknown',
    /rotation-1 is left in phase destroying/,
  ],
  [
    'nothing shows that the fault happened',
    'fault-proof',
    spoiltBy(change(fault('planted'), () => ({ proof: '' }))),
    'unknown',
    /nothing shows that misses-next on signer-c really happened/,
  ],
  [
    'a fault was planted and never found',
    'fault-proof',
    spoiltBy(drop(fault('found'))),
    'fail',
    /planted and never found/,
  ],
  [
    'a fault was asked for and not planted',
    'fault-proof',
    spoiltBy(
      change(headerOf('drill-1'), () => ({
        faults: [
          { name: 'slow', target: 'signer-a' },
          { name: 'reset', target: 'signer-b' },
        ],
      })),
    ),
    'unknown',
    /2 faults were to be planted, 1 were/,
  ],
  [
    'a secret was found in a log',
    'secret-hygiene',
    spoiltBy(change(records('hygiene'), () => ({ hygiene: { searched: 40, found: 1, where: ['signer-a.log'] } }))),
    'fail',
    /signer-a.log/,
  ],
  [
    'no place was searched for secrets',
    'secret-hygiene',
    spoiltBy(change(records('hygiene'), () => ({ hygiene: { searched: 0, found: 0, where: [] } }))),
    'unknown',
    /nothing was measured/,
  ],
  [
    'an entry does not follow from the one before',
    'ledger-integrity',
    () => goodDrill().map((entry) => (entry.seq === 9 ? { ...entry, prev: 'sha256:f' } : entry)),
    'fail',
    /entry 9 does not name the hash/,
  ],
];
