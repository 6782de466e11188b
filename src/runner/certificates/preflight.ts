import type { CertificateDriver } from '../../deploy/certificates.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Finding } from '../../probe/finding.ts';
import type { Clock } from '../../probe/ports.ts';
import { partiesOf } from './parties.ts';

/** Whether every party's certificates could be changed. Nothing is written and no process is touched. */
export async function rehearseCertificates(
  fleet: Fleet,
  driver: Pick<CertificateDriver, 'rehearse'>,
  clock: Pick<Clock, 'monotonic'>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { name, place } of partiesOf(fleet)) {
    const began = clock.monotonic();
    const problems = await driver.rehearse(place);
    const isFree = problems.length === 0;
    findings.push({
      ...{ id: 'certificate.rehearsed', verdict: isFree ? 'pass' : 'fail', critical: true, target: name },
      ...{
        expected: 'its certificates can be read and changed',
        seen: isFree ? 'nothing in the way' : 'something is in the way',
      },
      ...(isFree ? {} : { reason: problems.join('; ') }),
      ...{ samples: 1, ms: clock.monotonic() - began },
    });
  }
  return findings;
}
