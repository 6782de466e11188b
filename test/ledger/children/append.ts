/** Appends to the ledger named by its argument until it is killed; says each `seq` once its entry is durable. */
import { openLedger } from '../../../src/ledger/open.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { ledgerDisk } from '../../../src/system/ledger-disk.ts';

const [path = ''] = process.argv.slice(2);
const ledger = await openLedger(path, { disk: ledgerDisk(), clock: systemClock });
process.stdout.write('open\n');
for (;;) {
  const entry = await ledger.append({
    rotation: 'r-1',
    fleet: 'practice',
    runbook: 'keyring',
    phase: 'opening',
    step: 'write',
    kind: 'intent',
    data: { text: 'x'.repeat(20_000) },
  });
  process.stdout.write(`${entry.seq}\n`);
}
