/**
 * Ledger against `JSON.parse` of the same data, in one process, A B A B: verifying the chain, reading all entries, the
 * last state, and an append to a long ledger against one to a short. Run: `node --experimental-strip-types` is not
 * needed; `npx esbuild bench/ledger.ts --bundle --platform=node --format=esm --outfile=OUT.mjs && node OUT.mjs [entries]`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEntry, ZERO_HASH } from '../src/ledger/encode.ts';
import type { EntryDraft } from '../src/ledger/entry.ts';
import { pathsOf, writeHead } from '../src/ledger/head.ts';
import { openLedger } from '../src/ledger/open.ts';
import { readLastEntry } from '../src/ledger/tail.ts';
import { readWhole, verifyLedger } from '../src/ledger/verify.ts';
import { systemClock } from '../src/system/clock.ts';
import { ledgerDisk } from '../src/system/ledger-disk.ts';

const ROUNDS = 7;
const APPENDS = 40;
const ports = { disk: ledgerDisk(), clock: systemClock };

function draft(n: number): EntryDraft {
  return {
    rotation: 'r-20261121-7f3a',
    fleet: 'practice',
    runbook: 'keyring-dual-accept',
    phase: 'opening',
    step: 'widen-replicas',
    kind: n % 2 === 0 ? 'intent' : 'outcome',
    data: {
      action: 'write',
      targets: [`signer-${n % 7}`],
      generation: 'next',
      fingerprint: 'ab12cd34ef56ab78',
      ms: n % 97,
      proofs: [
        { check: 'valid_hmac_mtls_single_use', verdict: 'pass', samples: 3, seen: 'ACCEPTED' },
        { check: 'replay_nonce_rejected', verdict: 'pass', samples: 3, seen: 'REPLAY_NONCE_USED' },
      ],
      note: 'every replica accepts current and next; no client has moved',
    },
  };
}

async function makeLedger(path: string, count: number): Promise<string[]> {
  const parts: Uint8Array[] = [];
  const json: string[] = [];
  let prev = ZERO_HASH;
  for (let seq = 1; seq <= count; seq += 1) {
    const place = { seq, at: new Date(1_795_000_000_000 + seq).toISOString(), prev };
    const encoded = encodeEntry(draft(seq), place);
    parts.push(encoded.bytes);
    json.push(JSON.stringify({ ...place, ...draft(seq), hash: encoded.hash }));
    prev = encoded.hash;
  }
  await writeFile(path, Buffer.concat(parts), { mode: 0o600 });
  await writeFile(pathsOf(path).head, writeHead({ seq: count, hash: prev }), { mode: 0o600 });
  return json;
}

async function timed(work: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function wall(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function appendTimes(path: string): Promise<number> {
  const ledger = await openLedger(path, ports);
  const times: number[] = [];
  for (let n = 0; n < APPENDS; n += 1) times.push(await wall(() => ledger.append(draft(n))));
  await ledger.close();
  return median(times);
}

async function main(): Promise<void> {
  const count = Number(process.argv[2] ?? 100_000);
  const folder = await mkdtemp(join(tmpdir(), 'rotctl-bench-'));
  const [long, short] = [join(folder, 'long.yaml'), join(folder, 'short.yaml')];
  const json = await makeLedger(long, count);
  await makeLedger(short, 10);
  const parse: number[] = [];
  const verify: number[] = [];
  const read: number[] = [];
  const last: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    parse.push(await timed(() => json.map((line) => JSON.parse(line))));
    verify.push(await timed(() => verifyLedger(long, ports)));
    read.push(await timed(() => readWhole(long, ports.disk)));
    last.push(await wall(() => readLastEntry(long, ports)));
  }
  const base = median(parse);
  const spread = (Math.max(...parse) - Math.min(...parse)) / base;
  const appends = [await appendTimes(short), await appendTimes(long)];
  console.log(`entries ${count}, JSON.parse ${base.toFixed(0)} ms CPU (spread ${(spread * 100).toFixed(0)} %)`);
  console.log(`verify the chain: ${(median(verify) / base).toFixed(2)} x`);
  console.log(`verify and read all entries: ${(median(read) / base).toFixed(2)} x`);
  console.log(`last entry: ${median(last).toFixed(2)} ms wall`);
  console.log(
    `append, ${count} entries over 10: ${((appends[1] ?? 0) / (appends[0] ?? 1)).toFixed(2)} x (${appends.map((ms) => ms.toFixed(2)).join(' / ')} ms, short first)`,
  );
  await rm(folder, { recursive: true });
}

await main();
