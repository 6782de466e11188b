import type { Rehearsable } from '../deploy/driver.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Finding } from '../probe/finding.ts';
import type { Clock } from '../probe/ports.ts';
import { clientIdsOf } from './second-id.ts';

type Parties = Pick<Fleet, 'replicas' | 'templates' | 'clients'>;

/** Whether both steps of every deploy could be done, writing and then loading. Nothing is written and no command is run. */
export async function rehearseDeploys(
  { replicas, templates, clients }: Parties,
  driver: Rehearsable,
  clock: Pick<Clock, 'monotonic'>,
): Promise<readonly Finding[]> {
  const ids = clientIdsOf({ clients });
  const targets = [
    ...[...replicas, ...templates].map(({ name, deploy }) => ({ name, deploy, ids })),
    ...clients.filter(({ movable }) => movable === 'us').map(({ id, deploy }) => ({ name: id, deploy, ids: [id] })),
  ];
  const findings: Finding[] = [];
  for (const { name, deploy, ids: own } of targets) {
    const began = clock.monotonic();
    const problems = await driver.rehearse({ deploy }, own);
    findings.push({
      id: 'deploy.rehearsed',
      verdict: problems.length === 0 ? 'pass' : 'fail',
      critical: true,
      target: name,
      expected: 'its configuration can be written, and its commands run',
      seen: problems.length === 0 ? 'nothing in the way' : 'something is in the way',
      ...(problems.length === 0 ? {} : { reason: problems.join('; ') }),
      samples: 1,
      ms: clock.monotonic() - began,
    });
  }
  return findings;
}

/** Whether a configuration is reached by programs or machines elsewhere, of which much may fail that no file shows. */
export function goesByPrograms({ replicas, templates, clients }: Parties): boolean {
  const local: readonly string[] = ['env-file', 'json-file'];
  return [...replicas, ...templates, ...clients].some(({ deploy }) => !local.includes(deploy.driver));
}
