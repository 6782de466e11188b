import { parseArgs } from 'node:util';
import { connectParent } from '../parent.ts';
import { openAppendFile } from './append-file.ts';
import { makeKeyspace } from './keyspace.ts';
import { makeStoreServer } from './server.ts';

/** Role `store`: the embedded replay store, for machines without a Redis. */
export function runStore(args: readonly string[]): void {
  const { values } = parseArgs({
    args: [...args],
    options: { port: { type: 'string', default: '' }, file: { type: 'string', default: '' } },
  });
  const parent = connectParent();
  const keys = makeKeyspace(Date.now);
  const file = openAppendFile(values.file, keys);
  const server = makeStoreServer({ keys, startedAt: Date.now(), limit: 0, now: Date.now, changed: file.append });
  process.once('SIGTERM', () => process.exit(0));
  server.listen(Number(values.port), '127.0.0.1', () => parent.tell({ type: 'ready' }));
}
