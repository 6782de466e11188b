import { RotctlError } from '../errors/rotctl-error.ts';
import { compose } from '../errors/verdict.ts';
import type { Finding } from '../probe/finding.ts';
import { awaitAccepted } from '../probe/readiness.ts';
import type { Target } from '../probe/round.ts';
import { findingToLedger } from '../runner/evidence.ts';
import { named } from '../runner/prove-rounds.ts';
import type { FaultWatch } from './fault-watch.ts';
import type { DrillTools } from './tools.ts';

const REQUESTS_PER_CLIENT = 3;

/**
 * Takes the replay store away: every signed request must be refused on every replica, none accepted. The outage is an
 * auth-severity incident. Then the store comes back, and service and memory with it. Played again after a planted
 * fault was found in it.
 */
export async function playOutage(tools: DrillTools, watch: FaultWatch): Promise<void> {
  for (;;) {
    tools.seen();
    const findings = await outage(tools);
    tools.progress.findings(findings);
    const verdict = compose(
      findings.map((finding) => (finding.verdict === 'not-applicable' ? 'pass' : finding.verdict)),
    );
    await tools.note('evidence', { proof: 'fail-closed', verdict, checks: findings.map(findingToLedger) });
    if (verdict === 'pass') return;
    if ((await watch.recover({ findings, cells: [] })) > 0) continue;
    const bad = findings
      .filter((finding) => finding.verdict !== 'pass')
      .map((finding) => `${finding.target}: ${finding.reason ?? finding.seen}`);
    throw new RotctlError(
      verdict === 'fail' ? 'FAILED_HELD' : 'HELD',
      `during the outage of the replay store: ${bad.join('; ')}`,
    );
  }
}

async function outage(tools: DrillTools): Promise<readonly Finding[]> {
  const { stage, fleet, clock, progress, note } = tools;
  const targets = fleet.replicas.map((replica) => named(replica.name, replica));
  await tools.burn();
  const began = new Date(clock.now()).toISOString();
  await stage.stopStore();
  const what = `the replay store (${stage.store}) is out: signed requests are refused`;
  await note('incident', { severity: 'auth', what, began });
  progress.incident(`auth-severity incident: ${what}, since ${began}`);
  let refused: readonly Finding[];
  try {
    refused = await Promise.all(targets.map((target) => failClosed(tools, target)));
  } finally {
    await stage.startStore();
  }
  const back = await Promise.all(targets.map((target) => serviceBack(tools, target)));
  const ended = new Date(clock.now()).toISOString();
  await note('incident', { severity: 'auth', what: 'the replay store is back', began, ended });
  progress.incident(`auth-severity incident is over: ${began} to ${ended}`);
  return [...refused, ...back, ...(await tools.namespace())];
}

/** Sends valid requests to one replica while it has no store. */
async function failClosed(tools: DrillTools, target: Target): Promise<Finding> {
  const { clock, probes } = tools;
  const started = clock.monotonic();
  const answers: string[] = [];
  let accepted = 0;
  let refused = 0;
  for (const [client, secret] of await tools.secrets()) {
    for (let n = 0; n < REQUESTS_PER_CLIENT; n += 1) {
      const { outcome } = await probes.prober.probe({ endpoint: target, client, secret, fresh: true });
      answers.push(outcome.reason);
      if (outcome.code === 'ACCEPTED') accepted += 1;
      if (outcome.code === 'STORE_FAILED') refused += 1;
    }
  }
  const samples = answers.length;
  const verdict = accepted > 0 ? 'fail' : refused === samples && samples > 0 ? 'pass' : 'unknown';
  return {
    id: 'store.fail-closed',
    verdict,
    critical: true,
    target: target.name,
    expected: 'refused while the store is out',
    seen: `${accepted} of ${samples} accepted`,
    ...(verdict === 'pass'
      ? {}
      : {
          reason: `${accepted} of ${samples} valid requests accepted without a store; answers: ${[...new Set(answers)].join(', ')}`,
        }),
    samples,
    ms: clock.monotonic() - started,
  };
}

async function serviceBack(tools: DrillTools, target: Target): Promise<Finding> {
  const { deadlineMs, consecutive } = tools.fleet.readiness;
  const [entry] = await tools.secrets();
  if (entry === undefined) throw new RotctlError('INTERNAL', 'the fleet has no clients');
  const [client, secret] = entry;
  const { ready, last, tries, ms } = await awaitAccepted(
    tools.probes,
    target,
    { client, secrets: [secret] },
    { deadlineMs, consecutive },
  );
  const seen = last?.reason ?? 'no answer';
  return {
    id: 'store.service-returns',
    verdict: ready ? 'pass' : 'unknown',
    critical: true,
    target: target.name,
    expected: 'accepted again after the outage',
    seen: ready ? 'ACCEPTED' : seen,
    ...(ready ? {} : { reason: `not accepted within ${deadlineMs} ms after the store came back; last: ${seen}` }),
    samples: tries,
    ms,
  };
}
