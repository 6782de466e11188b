import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { answerTo, servedBy, shownBy, tlsFiles } from './certificate-fleet.ts';
import type { ClientStatus, PracticeFleet } from './practice-fleet.ts';
import { eventually } from './until.ts';

/** A mistaken order of certificates that is carried out on the operator's word, and how it is caught. */
export interface ForcedMistake {
  /** The file in `test/mistakes`, without its ending. */
  readonly file: string;
  /** The commands up to the one that catches it; those before end as what was not proven safe ends. */
  readonly commands: readonly (readonly string[])[];
  /** A fault of the signers without which the mistake would hurt nobody. */
  readonly fault?: string;
  /** What the last command says: the step, the target, and the cause. Two steps, where a slow machine sees it one step later. */
  readonly caught: RegExp;
  /** Which clients' valid requests may be refused. */
  readonly hurt: readonly string[];
  /** Whether the replica that was not touched yet goes on to serve every client. */
  readonly untouched?: string;
  /** The replica that somebody has to put right by hand, where there is no way back. */
  readonly byHand?: string;
}

const BOTH = ['client-a', 'client-b'];

/** Every mistake of certificates, in the order of their names. */
export const MISTAKES: readonly ForcedMistake[] = [
  {
    file: 'tm1-client-certificate-before-trust',
    commands: [['overlap']],
    caught: /(give-client-next|redeploy-client) on client-a: .*certificate \S+.*AUTH_MTLS_REQUIRED/,
    hurt: ['client-a'],
  },
  {
    file: 'tm2-server-certificate-before-trust',
    commands: [['overlap']],
    caught:
      /load-server-next on signer-a: client-a: it breaks the handshake off with a server that shows next.*client-b/,
    hurt: BOTH,
    untouched: 'signer-b',
  },
  {
    file: 'tm3-bundle-replaced',
    commands: [['overlap']],
    caught: /(load-trust|trust-next) on signer-[ab]: .*signer-a .*AUTH_MTLS_REQUIRED/,
    hurt: BOTH,
    untouched: 'signer-b',
  },
  {
    file: 'tm4-authority-dropped-early-on-signers',
    commands: [['overlap']],
    caught: /(load-distrust|distrust-current) on signer-[ab]: .*signer-a .*AUTH_MTLS_REQUIRED/,
    hurt: BOTH,
    untouched: 'signer-b',
  },
  {
    file: 'tm5-authority-dropped-early-on-clients',
    commands: [['overlap']],
    caught:
      /load-distrust-on-client on client-a: signer-a shows its certificate of current, which client-a does not trust any more/,
    hurt: ['client-a'],
  },
  {
    file: 'tm6-tickets-ignored',
    commands: [['overlap'], ['retire', '--wait']],
    fault: 'fixed-ticket-keys',
    caught:
      /at the end of phase retiring: signer-a: .*a session from before was resumed and served.*rotate the ticket keys/,
    hurt: [],
  },
  {
    file: 'tm7-old-bundle-put-back-after-retirement',
    commands: [['overlap'], ['retire', '--wait']],
    caught: /(load|restore)-old-bundle on signer-[ab]: .*signer-a .*AUTH_MTLS_REQUIRED/,
    hurt: BOTH,
    untouched: 'signer-b',
    byHand: 'signer-a',
  },
];

/** Those that are caught within a few steps. */
export const QUICKLY_CAUGHT = MISTAKES.filter(({ commands }) => commands.length === 1);

/**
 * Carries a mistake out on the operator's word, and expects that it is caught live, hurts nobody but those that it may, and
 * that the fleet is as before after the command that is named then.
 */
export async function expectCaught(fleet: PracticeFleet, mistake: ForcedMistake): Promise<void> {
  const { commands, fault, file, caught, byHand } = mistake;
  const text = readFileSync(new URL(`../mistakes/${file}.yaml`, import.meta.url), 'utf8');
  // One at a time: some of the files have the step that is not about the mistake done on all at once.
  const oneByOne = text.replaceAll('order: { first: 2, batch: 2 }', 'order: { first: 1, batch: 1 }');
  writeFileSync(join(fleet.home, 'mistaken.yaml'), oneByOne);
  const [files, served] = [tlsFiles(fleet), await servedBy(fleet)];
  const old = shownBy(fleet, 'client-a');
  const before = await fleet.clients();
  for (const replica of fault === undefined ? [] : fleet.replicas)
    await fleet.ctl('fault', 'plant', fault ?? '', replica);
  const forced = ['--material', 'mtls', '--runbook', 'mistaken.yaml', '--unsafe-order', '--reason', 'to see it caught'];
  for (const [at, command] of commands.entries()) {
    // The ledger says by which runbook it goes on.
    const { code, stderr, stdout } = await fleet.rotctl([...command, ...(at === 0 ? forced : [])]);
    expect(code, `${stdout}${stderr}`).toBe(12);
    if (at < commands.length - 1) expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^INCONCLUSIVE switched/);
    else {
      expect(stderr).toMatch(new RegExp(`^error: ${caught.source}`, 'm'));
      expect(stderr).toMatch(byHand === undefined ? /^next: rotctl rollback$/m : /^next: rotctl resume$/m);
      if (byHand !== undefined) expect(stderr).not.toContain('rotctl rollback');
    }
  }
  await expectUntouched(fleet, mistake);
  for (const replica of fault === undefined ? [] : fleet.replicas)
    await fleet.ctl('fault', 'lift', fault ?? '', replica);
  if (byHand === undefined) await goBack(fleet, files, served);
  else await putRight(fleet, byHand);
  await expectHurt(fleet, mistake, before);
  for (const replica of fleet.replicas) {
    const answered = await answerTo(fleet, replica, byHand === undefined ? old : shownBy(fleet, 'client-a'));
    expect([replica, answered]).toEqual([replica, 'AUTH_TIMESTAMP_SKEW']);
  }
}

/** What was not touched yet serves clients as they are. */
async function expectUntouched(fleet: PracticeFleet, { untouched }: ForcedMistake): Promise<void> {
  if (untouched === undefined) return;
  for (const client of BOTH) {
    const answered = await answerTo(fleet, untouched, shownBy(fleet, client));
    expect([untouched, client, answered]).toEqual([untouched, client, 'AUTH_TIMESTAMP_SKEW']);
  }
}

/** The command that was named puts every file back, and what every signer serves. */
async function goBack(
  fleet: PracticeFleet,
  files: Readonly<Record<string, string>>,
  served: readonly string[],
): Promise<void> {
  const { code, stdout, stderr } = await fleet.rotctl(['rollback']);
  expect(code, `${stdout}${stderr}`).toBe(12);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^INCONCLUSIVE rolled-back: .*override in entry 1/);
  expect(tlsFiles(fleet)).toEqual(files);
  expect(await servedBy(fleet)).toEqual(served);
}

/** What the hint says to somebody who has no way back: the bundle is mended where it was broken. */
async function putRight(fleet: PracticeFleet, replica: string): Promise<void> {
  copyFileSync(join(fleet.home, 'tls', 'signer-b-trust.pem'), join(fleet.home, 'tls', `${replica}-trust.pem`));
  await fleet.ctl('restart', replica);
}

/** Nobody else was refused; and everybody is served again, without a further refusal. */
async function expectHurt(
  fleet: PracticeFleet,
  { hurt }: ForcedMistake,
  before: readonly ClientStatus[],
): Promise<void> {
  const whole = await fleet.clients();
  for (const [at, { id, refused }] of whole.entries())
    if (!hurt.includes(id)) expect({ id, refused: refused - (before[at]?.refused ?? 0) }).toEqual({ id, refused: 0 });
  let first = whole;
  await eventually('every client to be served again, and no more to be refused', async () => {
    const now = await fleet.clients();
    const grown = now.map(({ accepted, refused }, at) => ({
      accepted: accepted - (first[at]?.accepted ?? 0),
      refused: refused - (first[at]?.refused ?? 0),
    }));
    if (grown.some(({ refused }) => refused > 0)) first = now;
    else return grown.every(({ accepted }) => accepted >= 10);
    return false;
  });
}
