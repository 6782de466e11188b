import type { Finding } from '../finding.ts';
import { markAccepted } from './accepted.ts';
import { byDomain } from './by-domain.ts';
import { type Check, type CheckContext, findingOf, type Need, type Observation } from './check.ts';
import { thrown } from './on-replicas.ts';
import { lackOf } from './scheme-lacks.ts';

type Unmet = Pick<Observation, 'verdict' | 'reason'>;

/**
 * Runs checks in order and returns a finding for each target. A check whose needs are not met is not run: what the
 * fleet does not have by design is `not-applicable`, everything else `unknown`, with the reason. A check that throws
 * is `unknown`. Those that wait do so while the others run, and are told last. Rejects only when the context's signal
 * aborts.
 */
export async function runChecks(
  checks: readonly Check[],
  context: CheckContext,
  onFinding: (finding: Finding) => void = () => {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const take = (check: Check, observations: readonly Observation[]): void => {
    for (const observation of observations) {
      const finding = markAccepted(findingOf(check, observation), context.fleet.accepts);
      findings.push(finding);
      onFinding(finding);
    }
  };
  const waiting = Promise.all(
    checks.filter(waits).map(async (check) => ({ check, seen: await lookAt(check, context) })),
  );
  // Awaited below; until then a rejection must not count as unhandled.
  waiting.catch(() => {});
  for (const check of checks.filter((each) => !waits(each))) {
    context.signal?.throwIfAborted();
    take(check, await lookAt(check, context));
  }
  for (const { check, seen } of await waiting) take(check, seen);
  return findings;
}

/** Whether a check has to wait, which it may do while others run. */
export function waits({ needs }: Pick<Check, 'needs'>): boolean {
  return needs.includes('patience');
}

function lookAt(check: Check, whole: CheckContext): Promise<readonly Observation[]> {
  return byDomain(check, whole, (context) => lookOnce(check, context));
}

async function lookOnce(check: Check, context: CheckContext): Promise<readonly Observation[]> {
  for (const need of check.needs) {
    const unmet = missing(need, check, context);
    if (unmet !== undefined)
      return [{ target: 'fleet', expected: 'a result', seen: 'not run', samples: 0, ms: 0, ...unmet }];
  }
  try {
    const seen = await check.look(context);
    if (seen.length > 0) return seen;
    throw new Error('it looked at nothing');
  } catch (error) {
    if (context.signal?.aborted === true) throw context.signal.reason;
    return [{ target: 'fleet', ms: 0, ...thrown(error) }];
  }
}

function missing(need: Need, check: Check, context: CheckContext): Unmet | undefined {
  const { fleet, clients, burned, patienceMs } = context;
  switch (need) {
    case 'tls':
      if ([fleet.balancer, ...fleet.replicas].some((to) => to?.url.protocol === 'https:')) return undefined;
      return { verdict: 'not-applicable', reason: 'no address is https' };
    case 'client-certificate':
      if (fleet.tls.cert !== undefined) return undefined;
      return { verdict: 'not-applicable', reason: 'rotctl.yaml declares no certificate of ours (tls.cert)' };
    case 'required-certificate':
      if (fleet.tls.required) return undefined;
      return { verdict: 'not-applicable', reason: 'the fleet does not promise mutual TLS (tls.required is false)' };
    case 'balancer':
      if (fleet.balancer !== undefined) return undefined;
      return { verdict: 'not-applicable', reason: 'rotctl.yaml declares no balancer' };
    case 'two-replicas':
      if (fleet.replicas.length >= 2) return undefined;
      if (context.domain !== undefined)
        return { verdict: 'not-applicable', reason: `${context.domain.name} has one replica` };
      return { verdict: 'unknown', reason: `it needs two replicas, there is ${fleet.replicas.length}` };
    case 'two-domains':
      if ((fleet.domains ?? []).length >= 2) return undefined;
      return { verdict: 'not-applicable', reason: 'all replicas share one store (rotctl.yaml has no stores)' };
    case 'two-clients':
      if (clients.length >= 2) return undefined;
      return { verdict: 'not-applicable', reason: `it needs two clients, ${clients.length} is looked at` };
    case 'store':
      if (context.store !== undefined) return undefined;
      return { verdict: 'not-applicable', reason: 'rotctl.yaml declares no store to look into' };
    case 'certificates':
      if (context.pki !== undefined) return undefined;
      return { verdict: 'not-applicable', reason: 'rotctl.yaml does not say where the certificates of parties stand' };
    case 'timestamp':
    case 'single-use':
    case 'client-id': {
      const lack = lackOf(fleet.probe.scheme, need);
      return lack === undefined ? undefined : { verdict: 'not-applicable', reason: lack };
    }
    case 'burned-nonces':
      if (burned.length > 0) return undefined;
      return { verdict: 'not-applicable', reason: 'no nonce was burned before a change' };
    case 'patience': {
      const wait = check.waits?.(context) ?? 0;
      if (wait <= patienceMs) return undefined;
      return { verdict: 'unknown', reason: `it has to wait ${Math.ceil(wait)} ms, ${patienceMs} ms are allowed` };
    }
  }
}
