import { escapeForeign } from '../errors/escape.ts';
import { readHolder } from '../ledger/holder.ts';
import type { Platform } from './platform.ts';

/** Who holds a lock, in words; `undefined` where nobody does. */
export async function holderOf(platform: Pick<Platform, 'ledgerDisk'>, lock: string): Promise<string | undefined> {
  const bytes = await (await platform.ledgerDisk()).readSmall(lock);
  if (bytes === undefined) return undefined;
  const holder = readHolder(Buffer.from(bytes).toString('utf8'));
  if (holder === undefined) return 'somebody: the lock file cannot be read';
  const { command, pid, host, runId, since } = holder;
  return escapeForeign(`${command}, run ${runId}, process ${pid} on ${host}, since ${since}`, 400);
}
