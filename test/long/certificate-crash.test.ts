import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Command, crashAndResume, type Kill, type Point, type Rotated, tasksIn } from '../crash/crash-run.ts';
import { isOf, program, tlsFiles } from '../support/certificate-fleet.ts';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

type Files = ReturnType<typeof tlsFiles>;

const isBundle = (name: string) => /trust|^ca/.test(name);
const chainsOf = (files: Files) => Object.entries(files).filter(([name]) => !isBundle(name) && !name.endsWith('.key'));
const bundlesOf = (files: Files) => Object.entries(files).filter(([name]) => isBundle(name));
const authoritiesOf = (bundle: string) => bundle.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? [];

/** The certificates of every party, in the files of the fleet. */
function certificates(): Rotated {
  let before: Files = {};
  return {
    program,
    words: ['--material', 'mtls'],
    watch(fleet, command) {
      if (command === 'overlap') before = tlsFiles(fleet);
      return () => expectFiles(command, before, tlsFiles(fleet));
    },
  };
}

/** What a command leads to from the files that stood there before the rotation. */
function expectFiles(command: Command, before: Files, after: Files): void {
  if (command === 'rollback') {
    expect(after).toEqual(before);
    return;
  }
  const old = before['ca.pem']?.trim() ?? expect.unreachable('there is a bundle');
  const next = authoritiesOf(after['ca.pem'] ?? '').find((one) => one !== old) ?? expect.unreachable('there is a next');
  const trusted = command === 'overlap' ? [old, next].toSorted() : [next];
  for (const [name, text] of bundlesOf(after)) expect([name, authoritiesOf(text).toSorted()]).toEqual([name, trusted]);
  const parties = chainsOf(after).filter(([name]) => command !== 'overlap' || !name.startsWith('rotctl'));
  expect(parties.filter(([, chain]) => !isOf(chain, next)).map(([name]) => name)).toEqual([]);
}

const MOMENTS = ['before', 'torn', 'durable', 'named'] as const;
const REPLICAS = ['signer-a', 'signer-b'];
/** Longer than any command takes to its first few entries on an idle machine. */
const LATEST_KILL_MS = 9000;

/** One task in three is killed at one moment of its intent, or of its outcome; a process that is taken up goes on from there. */
function someTasks(command: Command): readonly Point[] {
  const tasks = tasksIn({ replicas: REPLICAS }, command, { program });
  const kills = Math.floor(tasks / 3);
  return Array.from({ length: kills }, (_, n) => ({
    kinds: n % 2 === 0 ? 'intent' : 'outcome',
    nth: 2,
    moment: MOMENTS[n % MOMENTS.length] ?? 'durable',
  }));
}

const everyPhase = (): readonly Point[] =>
  (['before', 'durable', 'named'] as const).map((moment) => ({ kinds: 'checkpoint|destroy', nth: 1, moment }));

const anyTimes = (): readonly number[] => Array.from({ length: 5 }, () => Math.round(Math.random() * LATEST_KILL_MS));

describe.each([
  ['at some of its tasks', someTasks],
  ['at every change of phase', everyPhase],
  ['at any time', anyTimes],
] as const)('a rotation of certificates is killed %s', (_, killsOf) => {
  const rotated = certificates();
  let fleet: PracticeFleet;
  beforeAll(async () => {
    fleet = await startPracticeFleet();
  }, 120_000);
  afterAll(() => fleet.down());

  for (const command of ['overlap', 'rollback', 'overlap', 'retire'] as const) {
    const kills: readonly Kill[] = killsOf(command);
    const times = typeof kills[0] === 'number' ? ` after ${kills.join(', ')} ms` : '';
    it(`${command}: ${kills.length} kills${times}`, within(600), () => crashAndResume(fleet, command, kills, rotated));
  }
});
