import type { Secret } from '../../credential/secret.ts';
import type { Replica } from '../../fleet/fleet.ts';
import { isRefusal, type Outcome } from '../../protocol/outcome.ts';
import { askOracle, type Burn, type Burned, burn } from '../oracle.ts';
import type { ProbeResult } from '../prober.ts';
import type { KnownClient } from '../vector-plan.ts';
import type { Check, CheckContext } from './check.ts';
import { onReplicas, type Sight, together } from './on-replicas.ts';
import { notBurned, REPLAY, readInLife, waitsForTurns } from './replay-read.ts';

type Generation = KnownClient['accepted'][number]['generation'];

/** A secret, and the nonce that was burned with it; or, by replica, why none could be burned there. */
interface Row {
  readonly client: string;
  readonly generation: Generation;
  readonly secret: Secret;
  readonly burned: Burned | undefined;
  /** Burns another one where that was burned. */
  readonly anew: () => Promise<Burn>;
  readonly refused: ReadonlyMap<string, Outcome>;
}

/**
 * The burned-nonce matrix: who accepts which secret, and knows what was burned with it elsewhere. One burn for each secret
 * and one read at each other replica; where the store is shared no read changes anything.
 */
export const REPLAY_SECRETS: Check = {
  id: 'replay.secrets',
  group: 'replay',
  critical: true,
  title: 'every replica accepts every client’s secret, and knows the nonces that were used with it elsewhere',
  why: 'a replica that lacks a secret locks its client out, and one that lacks the nonces accepts its requests once more',
  remedy: 'compare the secrets of the replica with those of the others; for what was accepted, its store',
  hazards: ['H10', 'H11', 'H14', 'H20'],
  perDomain: true,
  apart: true,
  needs: ['single-use', 'two-replicas'],
  look: async (context) => {
    const rows = await Promise.all(
      context.clients.flatMap(({ id: client, accepted }) =>
        accepted.map(({ generation, secret }) => burnRow(context, { client, generation, secret })),
      ),
    );
    return onReplicas(context, async (replica) => {
      const parts: (Sight & { about: string })[] = [];
      for (const row of rows) parts.push({ about: aboutOf(row), ...(await readRow(context, replica, row)) });
      return together(parts);
    });
  },
};

function aboutOf({ client, generation }: Row): string {
  return `${client} ${generation}`;
}

/** Burns at the first replica that accepts. */
async function burnRow(context: CheckContext, row: Pick<Row, 'client' | 'generation' | 'secret'>): Promise<Row> {
  const refused = new Map<string, Outcome>();
  for (const replica of context.fleet.replicas) {
    const anew = (): Promise<Burn> => burn(context, replica, row);
    const burnt = await anew();
    if (burnt.burned !== undefined) return { ...row, burned: burnt.burned, anew, refused };
    refused.set(replica.name, burnt.outcome);
  }
  return { ...row, burned: undefined, anew: () => Promise.reject(new Error('no replica takes it')), refused };
}

async function readRow(context: CheckContext, replica: Replica, row: Row): Promise<Sight> {
  const { burned, secret, client } = row;
  if (burned === undefined) {
    const { code, reason } = row.refused.get(replica.name) ?? { code: 'UNKNOWN', reason: 'it was not asked' };
    // A store that is down, a rate limit or a fault says nothing of the secret.
    const isRefused = isRefusal(code);
    const said = isRefused
      ? 'no replica accepts it'
      : 'no replica took a nonce with it, and this one did not refuse it';
    return tell(context, replica, row, {
      verdict: isRefused ? 'fail' : 'unknown',
      expected: REPLAY,
      seen: code,
      reason: `${said}: ${reason}`,
      hazards: [],
      samples: 1,
    });
  }
  if (burned.replica === replica.name)
    return tell(context, replica, row, { verdict: 'pass', expected: REPLAY, seen: 'ACCEPTED', samples: 1 });
  await context.prober.claim(client, [replica]);
  const burnt = waitsForTurns(context.prober.mostRefusals) ? await row.anew() : { burned };
  if (burnt.burned === undefined) return tell(context, replica, row, notBurned(burnt.outcome, 1));
  const asked = await askOracle(context, replica, burnt.burned, secret);
  const { outcome, result } = asked;
  if (outcome.code !== 'AUTH_INVALID_HMAC') {
    const again = `accepted by ${burned.replica} and again by ${replica.name}`;
    const sight = readInLife(context, burnt.burned, asked, again);
    const hazards = sight.verdict === 'fail' ? (['H10', 'H11', 'H14', 'H20'] as const) : undefined;
    return tell(context, replica, row, hazards === undefined ? sight : { ...sight, hazards }, result);
  }
  const reason = `${burned.replica} accepts this secret, ${replica.name} does not`;
  return tell(
    context,
    replica,
    row,
    { verdict: 'fail', expected: REPLAY, seen: outcome.code, reason, hazards: [], samples: 1 },
    result,
  );
}

/** The same as a cell of the evidence matrix, for whoever shows one. */
function tell(context: CheckContext, replica: Replica, row: Row, sight: Sight, result?: ProbeResult): Sight {
  const { verdict, expected, seen, reason } = sight;
  if (verdict === 'not-applicable') return sight;
  context.onCell?.({
    client: row.client,
    generation: row.generation,
    replica: replica.name,
    expected,
    seen,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    at: new Date(result?.at ?? row.burned?.burnedAt ?? 0).toISOString(),
    ms: result?.ms ?? 0,
  });
  return sight;
}
