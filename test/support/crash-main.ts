import { dirname } from 'node:path';
import { type RawIo, systemIo } from '../../src/system/files.ts';

/**
 * The real program, killed by itself with SIGKILL at one entry of its ledger. `CRASH_AT` says which: kinds of entry
 * joined by `|`, the how-manieth of those that this process writes, and the moment, joined by `:` (`outcome:3:before`).
 *
 * - `before`: nothing of the entry is written;
 * - `torn`: its first half is on the disk;
 * - `durable`: the ledger's fsync is over, and the head file does not name the entry yet;
 * - `named`: the head file names it: the append is done.
 */
const [kinds = '', nth = '', moment = ''] = (process.env.CRASH_AT ?? '').split(':');
const wanted = new Set(kinds.split('|'));
let left = Number(nth);
let stage: 'counting' | 'appended' | 'synced' = 'counting';
let ledger = '';

const real: RawIo = { ...systemIo };

systemIo.write = async (handle, bytes, position) => {
  if (!isWanted(bytes, position)) return real.write(handle, bytes, position);
  if (moment === 'before') return die();
  if (moment === 'torn') {
    await real.write(handle, bytes.subarray(0, bytes.length / 2), position);
    await handle.sync();
    return die();
  }
  stage = 'appended';
  return real.write(handle, bytes, position);
};

systemIo.sync = async (handle, path) => {
  await real.sync(handle, path);
  if (stage === 'appended') {
    if (moment === 'durable') return die();
    stage = 'synced';
    ledger = path;
  } else if (stage === 'synced' && path === dirname(ledger)) {
    return die();
  }
};

/** Whether these bytes are the entry: only the ledger is appended to. */
function isWanted(bytes: Uint8Array, position: number | null): boolean {
  if (position !== null || stage !== 'counting') return false;
  const [, kind = ''] = /^kind: (\S+)$/m.exec(Buffer.from(bytes).toString('utf8')) ?? [];
  if (!wanted.has(kind)) return false;
  left -= 1;
  return left === 0;
}

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

await import('../../src/main.ts');
