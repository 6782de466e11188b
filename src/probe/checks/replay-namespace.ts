import type { Replica } from '../../fleet/fleet.ts';
import type { Outcome } from '../../protocol/outcome.ts';
import { askOracle, type Burned, burn } from '../oracle.ts';
import type { ProbeResult } from '../prober.ts';
import { RETRY, troubleOf } from '../retry.ts';
import type { Check, CheckContext } from './check.ts';
import { onReplicas, type Sight, together } from './on-replicas.ts';
import { notBurned, REPLAY, readSight, signerOf } from './replay-read.ts';

/** At most this many earlier nonces are tried again at each replica: the youngest. */
const NAMESPACE_READS = 4;
/** How long a replica may be in trouble, in milliseconds: just restarted, its store's connection may not be up yet. */
const SETTLE_MS = 1500;
const FIRST_PAUSE_MS = 50;

/** Nonces that were burned before a change are still refused after it, on every replica. */
export const REPLAY_NAMESPACE: Check = {
  id: 'replay.namespace',
  group: 'replay',
  critical: true,
  title: 'nonces burned before the change are still refused',
  why: 'another prefix, database or store forgets every nonce, and each captured request is good once more',
  remedy:
    'restore the store’s address, database and prefix as they were; a change of theirs needs a full stop of one nonce life',
  hazards: ['H10', 'H5', 'H4', 'H19', 'H2', 'H8', 'H15'],
  perDomain: true,
  needs: ['single-use', 'burned-nonces'],
  look: async (context) => {
    const { nonceTtlMs } = context.fleet.replay;
    const margin = Math.min(1000, nonceTtlMs / 10);
    const youngest = context.burned.toSorted((a, b) => b.burnedAt - a.burnedAt).slice(0, NAMESPACE_READS);
    return onReplicas(context, async (replica) => {
      for (const { client } of youngest) await context.prober.claim(client, [replica]);
      const alive = youngest.filter(({ burnedAt }) => burnedAt + nonceTtlMs - margin > context.clock.now());
      if (alive.length === 0) {
        const reason = `all ${context.burned.length} nonces are older than their life of ${nonceTtlMs} ms`;
        return { verdict: 'unknown', expected: REPLAY, seen: 'not sent', reason, samples: 0 };
      }
      const parts: NamespaceRead[] = [];
      for (const each of alive) {
        parts.push(await readNamespace(context, replica, each));
        if (parts.at(-1)?.verdict === 'unknown') break;
      }
      const clear = parts.filter(({ doubtful }) => !doubtful);
      if (clear.length > 0) return together(clear);
      return together([...parts.map(inDoubt), await readFresh(context, replica)]);
    });
  },
};

/** `doubtful`: an earlier try may have taken the nonce before its answer was lost, so that its refusal says nothing. */
type NamespaceRead = Sight & { readonly about: string; readonly doubtful: boolean };

async function readNamespace(context: CheckContext, replica: Replica, burned: Burned): Promise<NamespaceRead> {
  const { clock } = context;
  const { secret } = signerOf(context, burned.client);
  const about = `burned at ${burned.replica}`;
  const until = clock.monotonic() + SETTLE_MS;
  let first: Outcome | undefined;
  let taken = false;
  for (let tries = 1, pause = FIRST_PAUSE_MS; ; tries += 1, pause *= 2) {
    const { outcome, result } = await askOracle(context, replica, burned, secret, { faults: 0 });
    const inTrouble = isMomentary(result);
    if (inTrouble) first ??= outcome;
    if (!inTrouble || clock.monotonic() + pause > until) {
      const age = context.clock.now() - burned.burnedAt;
      const lost = `accepted by ${replica.name} ${age} ms later: the store’s namespace changed, or it lost the nonce`;
      const sight = readSight(outcome, tries, lost);
      const again = first === undefined || tries === 1 ? '' : `, and no clear answer in ${tries - 1} more tries`;
      const reason = inTrouble ? `${first?.reason ?? outcome.reason}${again}` : sight.reason;
      return {
        about,
        ...sight,
        ...(reason === undefined ? {} : { reason }),
        doubtful: taken && sight.verdict === 'pass',
      };
    }
    taken ||= result.fault?.sent !== false;
    await clock.sleep(pause);
  }
}

/** What a doubtful read says alone; a fresh nonce beside it decides. */
function inDoubt({ about, expected, seen, samples }: NamespaceRead): Sight & { about: string } {
  return { about, verdict: 'not-applicable', expected, seen, samples };
}

/** Whether an answer may be another one in a moment: the store's connection, or the replica's, is not up. */
function isMomentary(result: ProbeResult): boolean {
  const trouble = troubleOf(result);
  return result.outcome.code === 'STORE_FAILED' || (trouble !== undefined && RETRY[trouble] === 'asked');
}

/** Where every read was doubtful: a nonce that another replica takes now, read once. */
async function readFresh(context: CheckContext, replica: Replica): Promise<Sight & { about: string }> {
  const base = { about: 'a fresh nonce', expected: REPLAY, samples: 0 };
  const other = context.fleet.replicas.find(({ name }) => name !== replica.name);
  if (other === undefined) {
    const reason =
      'an earlier try may have taken the nonce before its answer was lost, and no other replica can burn one';
    return { ...base, verdict: 'unknown', seen: 'not sent', reason };
  }
  const signer = signerOf(context);
  const burnt = await burn(context, other, signer);
  if (burnt.burned === undefined) return { ...base, ...notBurned(burnt.outcome, 1) };
  const { outcome } = await askOracle(context, replica, burnt.burned, signer.secret, { faults: 0 });
  const lost = `accepted by ${other.name} and by ${replica.name}: the store’s namespace changed`;
  return { ...base, ...readSight(outcome, 2, lost) };
}
