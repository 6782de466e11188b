import { writeFile } from 'node:fs/promises';
import { encodeEntry, ZERO_HASH } from '../src/ledger/encode.ts';
import type { EntryDraft } from '../src/ledger/entry.ts';
import { pathsOf, writeHead } from '../src/ledger/head.ts';

const STARTED = Date.UTC(2026, 10, 21);
const BASE = {
  rotation: 'r-20261121-7f3a',
  fleet: 'practice',
  runbook: 'keyring-dual-accept',
  phase: 'opening',
} as const;

/** Writes a sound ledger of one rotation that is under way, with `count` entries. */
export async function writeLedger(path: string, count: number): Promise<void> {
  const parts: Uint8Array[] = [];
  let prev = ZERO_HASH;
  for (let seq = 1; seq <= count; seq += 1) {
    const draft = seq === 1 ? header() : step(seq);
    const encoded = encodeEntry(draft, { seq, at: new Date(STARTED + seq).toISOString(), prev });
    parts.push(encoded.bytes);
    prev = encoded.hash;
  }
  await writeFile(path, Buffer.concat(parts), { mode: 0o600 });
  await writeFile(pathsOf(path).head, writeHead({ seq: count, hash: prev }), { mode: 0o600 });
}

function header(): EntryDraft {
  const data = {
    material: 'sealed',
    replicas: ['signer-a', 'signer-b', 'signer-c'],
    clients: ['client-a', 'client-b'],
  };
  return { ...BASE, step: 'begin', kind: 'header', data };
}

function step(seq: number): EntryDraft {
  const target = `signer-${'abc'.charAt(Math.floor(seq / 2) % 3)}`;
  const data = { action: 'write', targets: [target], generation: 'next', fingerprint: 'ab12cd34ef56ab78' };
  return seq % 2 === 0
    ? { ...BASE, step: 'widen-replicas', kind: 'intent', data }
    : { ...BASE, step: 'widen-replicas', kind: 'outcome', data: { ...data, result: 'done', ms: seq % 97 } };
}
