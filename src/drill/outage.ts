import { RotctlError } from '../errors/rotctl-error.ts';
import { compose, type Verdict } from '../errors/verdict.ts';
import type { Finding } from '../probe/finding.ts';
import { findingToLedger } from '../runner/evidence.ts';
import type { FaultWatch } from './fault-watch.ts';
import { bringAbout } from './store-outage.ts';
import type { DrillTools } from './tools.ts';

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
    const verdict = verdictOfOutage(findings);
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

function outage(tools: DrillTools): Promise<readonly Finding[]> {
  const { stage } = tools;
  return bringAbout(
    { ...tools, again: tools.namespace },
    {
      what: `the replay store (${stage.store}) is out`,
      refuses: true,
      begin: () => stage.stopStore(),
      end: () => stage.startStore(),
    },
  );
}

/** What an outage's findings come to; what does not apply is no doubt. */
export function verdictOfOutage(findings: readonly Finding[]): Verdict {
  return compose(findings.map(({ verdict }) => (verdict === 'not-applicable' ? 'pass' : verdict)));
}
