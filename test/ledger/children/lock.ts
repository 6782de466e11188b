/**
 * Takes the lock named by its first argument when a line comes in on stdin, says `won TOKEN` or `lost CODE`, and holds it
 * until the next line.
 */
import { createInterface } from 'node:readline';
import { RotctlError } from '../../../src/errors/rotctl-error.ts';
import { acquireLock, type Lock } from '../../../src/ledger/lock.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { ledgerDisk } from '../../../src/system/ledger-disk.ts';
import { systemProcesses } from '../../../src/system/process-identity.ts';

const [path = '', runId = ''] = process.argv.slice(2);
const ports = { disk: ledgerDisk(), clock: systemClock, processes: systemProcesses() };
let lock: Lock | undefined;

async function take(): Promise<string> {
  try {
    lock = await acquireLock(path, { runId, command: 'overlap' }, ports);
    return `won ${lock.holder.token} ${lock.brokeStale === undefined ? 'free' : 'stale'}`;
  } catch (error) {
    return `lost ${error instanceof RotctlError ? error.code : String(error)}`;
  }
}

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'take') process.stdout.write(`${await take()}\n`);
  if (line === 'release') {
    await lock?.release();
    process.stdout.write('released\n');
  }
}
