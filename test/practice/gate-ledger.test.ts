import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AcceptedEntry, openAcceptedLedger } from '../../src/practice/gate/ledger.ts';

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'gate-ledger-')), 'gate-a.jsonl');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }));

const row = (at: number): AcceptedEntry => ({
  at,
  actor_did: 'did:practice:test',
  session_id: 'practice-probe',
  tool: 'practice.noop',
  key_id: 'v1',
  approved: false,
});
const times = (entries: readonly AcceptedEntry[]): number[] => entries.map(({ at }) => at);

it('a new file is private and empty, and each row is on disk at once', () => {
  const ledger = openAcceptedLedger(path);
  expect(ledger.entries()).toEqual([]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  ledger.add(row(1.25));
  expect(readFileSync(path, 'utf8')).toBe(`${JSON.stringify(row(1.25))}\n`);
});

it('opened again it goes on, and a torn last line is passed over', () => {
  openAcceptedLedger(path).add(row(1));
  appendFileSync(path, '{"at":2,"actor_did":"did');
  const again = openAcceptedLedger(path);
  expect(again.entries()).toEqual([row(1)]);
  again.add(row(3));
  expect(times(openAcceptedLedger(path).entries())).toEqual([1, 3]);
});

it('keeps the last 2000, in memory and over a start', () => {
  const ledger = openAcceptedLedger(path);
  for (let at = 0; at < 2001; at += 1) ledger.add(row(at));
  for (const entries of [ledger.entries(), openAcceptedLedger(path).entries()]) {
    expect([entries.length, entries[0]?.at, entries.at(-1)?.at]).toEqual([2000, 1, 2000]);
  }
  expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(2000);
});
