import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EnvironmentAction } from '../../../src/machine/safety/environment.ts';
import type { InvariantId } from '../../../src/machine/safety/invariants.ts';
import { readRunbook } from '../../../src/runbook/read.ts';
import { type Asked, ask, BEGINNINGS, textOf, wordOf } from './questions.ts';

/** The surroundings of the catalogue: replicas and clients may restart, commands do what they say. */
const CATALOGUE: readonly EnvironmentAction[] = ['crash', 'client-restart'];

/** One classical mistake, and how it is found. */
interface Row {
  readonly file: string;
  /** The sentence of the catalogue, and why ours is another invariant or longer where it is. */
  readonly says: string;
  /** What is broken first: latent breaches count, so that I1 is often seen as I1c, before the restart that makes it felt. */
  readonly breaks: InvariantId;
  readonly lines: number;
  /** How many events the catalogue has for it; absent where its trace leaves out a beginning. */
  readonly events?: number;
  readonly step: string;
  readonly request: RegExp;
  /** With templates, and what may be made from them, where the mistake is about them. */
  readonly asked?: Asked;
}

const ROWS: readonly Row[] = [
  {
    file: 'm01-retire-before-all-moved',
    says: 'r0 gets both, then the new one alone, and c0 still signs old: I1, seen on the disk of r0',
    breaks: 'I1c',
    lines: 2,
    events: 2,
    step: 'remove-current',
    request: /^r0 restarts; then a request of c0 signed with current: r0 accepts next alone, and refuses it/,
  },
  {
    file: 'm02-clients-before-replicas',
    says: 'c0 signs new where r0 accepts old: I1, seen on the disk of c0',
    breaks: 'I1c',
    lines: 1,
    events: 1,
    step: 'point-at-next',
    request: /^c0 restarts; then a request of c0 signed with next: r0 accepts current alone, and refuses it/,
  },
  {
    file: 'm03-one-probe-through-the-balancer',
    says: 'r0 gets both, c0 signs new, the balancer sends it to r1: I1, seen on the disk of c0',
    breaks: 'I1c',
    lines: 2,
    events: 2,
    step: 'point-at-next',
    request: /a request of c0 signed with next: r1 accepts current alone, and refuses it/,
  },
  {
    // Both replicas are down in the shortest: it takes fewer moves than to change one and leave out the other.
    file: 'm04-down-replica-skipped',
    says: 'a replica is down and left out, c0 signs new, the replica returns with old from its disk: I1, I1c',
    breaks: 'I1c',
    lines: 4,
    events: 4,
    step: 'point-at-next',
    request: /r0 restarts; then a request of c0 signed with next: r0 accepts current alone, and refuses it/,
  },
  {
    file: 'm05-one-client-for-all',
    says: 'both replicas get both (one event for each), c0 moves, r0 gets new alone, c1 signs old: I1, seen on the disk of r0',
    breaks: 'I1c',
    lines: 4,
    events: 4,
    step: 'remove-current',
    request: /^r0 restarts; then a request of c1 signed with current: r0 accepts next alone, and refuses it/,
  },
  {
    // The catalogue begins with both replicas widened. Its I1b is ours after one restart more: r0 has not loaded yet.
    file: 'm06-no-drain',
    says: "a client's old request is on its way, it moves, r0 gets new alone, the request arrives: I1b, seen on the disk of r0",
    breaks: 'I1c',
    lines: 3,
    step: 'remove-current',
    request: /a request of c0 signed with current, sent before it changed, arrives late: r0 accepts next alone/,
  },
  {
    // The catalogue's trace begins with "…": overlap, clients and drain come first, and one line for each replica down.
    file: 'm07-declare-while-a-replica-is-down',
    says: 'a replica is down with both on its disk, and current is declared retired: I2b, and I2 when it returns',
    breaks: 'I2b',
    lines: 7,
    step: 'load-without-current',
    request:
      /^r0 restarts; then a request signed with current, which was withdrawn: r0 accepts current and next, and accepts/,
  },
  {
    // The catalogue begins when every client signs new; a rollback before the first replica is narrowed is enough.
    file: 'm08-snapshot-restored-while-clients-sign-next',
    says: 'the snapshot puts r0 to old while clients sign new: I1, seen on the disk of r0',
    breaks: 'I1c',
    lines: 4,
    step: 'add-current-again',
    request: /^r0 restarts; then a request of c0 signed with next: r0 accepts current alone, and refuses it/,
  },
  {
    // The catalogue begins with the declaration; a whole rotation leads there, each phase in a line.
    file: 'm08b-old-set-put-back-after-retirement',
    says: 'after the declaration r0 gets both again: I2, seen on its disk as I2b',
    breaks: 'I2b',
    lines: 6,
    step: 'restore-old-set',
    request: /^r0 restarts; then a request signed with current, which was withdrawn: r0 accepts current and next/,
  },
  {
    // The catalogue begins with c0 on new: the overlap and the rollback come first. The disks of both are enough.
    file: 'm09-rollback-replicas-before-clients',
    says: 'c0 is on new and r0 gets old alone: I1, seen on the disks of both',
    breaks: 'I1c',
    lines: 4,
    step: 'restore-old-set',
    request: /a request of c0 signed with next: r0 accepts current alone, and refuses it/,
  },
  {
    // The catalogue begins inside the rollback: turning back is a line, and so is the restart that loads the prefix.
    file: 'm10-nonce-prefix-changed-by-rollback',
    says: 'r0 is rolled back with another prefix, and a captured request is accepted by it and by r1: I3',
    breaks: 'I3',
    lines: 3,
    step: 'remove-next',
    request: /^a captured request signed with current was accepted under one namespace .* accepted a second time$/,
  },
  {
    // The catalogue shows the scale-out after the declaration; ours is seen as soon as a client may sign new.
    file: 'm11-template-not-updated',
    says: 'a new replica comes from an image with old alone: I1 and I2, seen in the template as I1d',
    breaks: 'I1d',
    lines: 2,
    step: 'point-at-next',
    request:
      /an instance is made from template t0; then a request of c0 signed with next: the new instance accepts current/,
    asked: { templates: 1, environment: [...CATALOGUE, 'scale-out'] },
  },
  {
    file: 'm12-hot-reload-not-persisted',
    says: 'both are proven in memory, c0 moves, r0 restarts with old: I1 (I1c was broken before)',
    breaks: 'I1c',
    lines: 2,
    events: 3,
    step: 'point-at-next',
    request: /r0 restarts; then a request of c0 signed with next: r0 accepts current alone, and refuses it/,
  },
  {
    file: 'm13-file-written-taken-for-accepted',
    says: 'both files are written, c0 moves, no process has read them: I1, seen on the disk of c0',
    breaks: 'I1c',
    lines: 2,
    events: 3,
    step: 'point-at-next',
    request: /^c0 restarts; then a request of c0 signed with next: r0 accepts current alone, and refuses it/,
  },
  {
    // The catalogue begins with c0 on new; the overlap, its move there and the rollback come first.
    file: 'm14-rollback-without-drain',
    says: 'c0 sends new, is back on old, r0 gets old alone, the request arrives: I1b, seen on the disk of r0',
    breaks: 'I1c',
    lines: 6,
    step: 'remove-next',
    request: /a request of c0 signed with next, sent before it changed, arrives late: r0 accepts current alone/,
  },
  {
    file: 'm15-default-id-moved-last',
    says: 'both clients move, r0 gets the new one alone while its default names the old: not in the catalogue',
    breaks: 'I1e',
    lines: 6,
    step: 'remove-current',
    request:
      /^r0 restarts; then a request that names no client id is taken for the id of current: r0 accepts next alone/,
  },
  {
    file: 'tm1-client-certificate-before-trust',
    says: 'c0 shows its new certificate: T1',
    breaks: 'T1',
    lines: 1,
    events: 1,
    step: 'give-client-next',
    request: /^c0 restarts; then c0 shows its certificate of next.*r0.* trusts current alone.*the handshake fails$/,
  },
  {
    file: 'tm2-server-certificate-before-trust',
    says: 'r0 shows its new certificate: T2',
    breaks: 'T2',
    lines: 1,
    events: 1,
    step: 'give-signer-next',
    request: /^r0 restarts; then r0 .*shows .*next.* c0.* does not trust.*: the handshake fails$/,
  },
  {
    file: 'tm3-bundle-replaced',
    says: 'the bundle of r0 becomes the new authority: T1',
    breaks: 'T1',
    lines: 1,
    events: 1,
    step: 'trust-next',
    request: /^r0 restarts; then c0 shows its certificate of current.*r0.* trusts next alone.*the handshake fails$/,
  },
  {
    file: 'tm4-authority-dropped-early-on-signers',
    says: 'r0 trusts the new one too, and then the old one no more, while c0 is still old: T1',
    breaks: 'T1',
    lines: 2,
    events: 2,
    step: 'distrust-current',
    request: /^r0 restarts; then c0 shows its certificate of current.*r0.* trusts next alone.*the handshake fails$/,
  },
  {
    file: 'tm5-authority-dropped-early-on-clients',
    says: 'c0 trusts the new one too, and then the old one no more, while r0 is still old: T2',
    breaks: 'T2',
    lines: 2,
    events: 2,
    step: 'distrust-current-on-client',
    request: /^c0 restarts; then r0 .*shows .*current.* c0.* does not trust.*: the handshake fails$/,
  },
  {
    // The catalogue names four events of a whole rotation; both sides' trust and the servers' certificates are lines too.
    file: 'tm6-tickets-ignored',
    says: 'c1 has a ticket under the old one and moves, the old one goes everywhere, and is declared retired: T3',
    breaks: 'T3',
    lines: 7,
    step: 'load-distrust-on-client',
    request: /^c0 goes on with a session made under current, which was withdrawn, and is served$/,
  },
  {
    // The catalogue begins with the declaration; a whole rotation leads there, each phase in a line or more.
    file: 'tm7-old-bundle-put-back-after-retirement',
    says: 'after the declaration the bundle of r0 becomes the old one: T1 (and T4)',
    breaks: 'T1',
    lines: 9,
    step: 'restore-old-bundle',
    request: /^r0 restarts; then c0 shows its certificate of next.*r0.* trusts current alone.*the handshake fails$/,
  },
  {
    file: 'gm1-signer-before-gates',
    says: 'the signing service gets the new secret first: I1, seen on the disk of c0',
    breaks: 'I1c',
    lines: 1,
    events: 1,
    step: 'point-at-next',
    request: /^c0 restarts; then a request of c0 signed with next under its own key id: r0 accepts current alone/,
  },
  {
    // The catalogue begins with the signer on new: the overlap and the rollback come first.
    file: 'gm2-rollback-gates-before-signer',
    says: 'a gate has old alone, while the signer still signs new: I1, seen on the disks of both',
    breaks: 'I1c',
    lines: 4,
    step: 'restore-old-set',
    request: /a request of c0 signed with next under its own key id: r0 accepts current alone, and refuses it \(401/,
  },
  {
    // The catalogue begins with signers that name their keys; here they begin by it, which is the first line.
    file: 'gm3-old-id-revoked-during-overlap',
    says: 'a gate has new, old as the previous one, and the id of old revoked: I1, seen on the disk of r0',
    breaks: 'I1c',
    lines: 2,
    step: 'add-next',
    request:
      /a request of c0 signed with current under its own key id: r0 accepts next and current, .*revokes the id of current/,
  },
  {
    file: 'gm4-strict-before-key-ids',
    says: 'a gate gets strict while the signer sends the default label: I1, seen on the disk of r0',
    breaks: 'I1c',
    lines: 1,
    events: 1,
    step: 'add-next',
    request:
      /^r0 restarts; then a request of c0 signed with current under the default key id: r0 accepts next and current, .*strict/,
  },
  {
    // Not in the catalogue: it takes a fleet that was rotated before. The overlap, the move and the rollback come first.
    file: 'gm5-strict-before-clients-are-back',
    says: 'gates enforce key ids as before, while the signer sends the default label: I1, seen on the disks of both',
    breaks: 'I1c',
    lines: 4,
    step: 'strict-again',
    request:
      /r0 restarts; then a request of c0 signed with next under the default key id: r0 accepts next and current, .*strict/,
    asked: { beginning: { strict: true, keyIds: 'own' } },
  },
];

/** What puts a mistake right: in the text of its file, what stands there becomes what should. */
type Repair = readonly [file: string, says: string, from: string, to: string];

const step = (id: string, action: string, over: string, ...rest: string[]) =>
  [
    `- step: ${id}`,
    'does: put right what was wrong',
    `action: ${action}`,
    `over: ${over}`,
    'order: { first: 1, batch: 1 }',
    ...rest,
    'on-failure: hold',
  ]
    .map((line, index) => `${index === 0 ? '    ' : '      '}${line}\n`)
    .join('');
const unused = step('confirm-unused', 'prove', 'fleet', 'proof: [{ proves: unused, generation: current }]');
const before = (id: string) => `    - step: ${id}\n`;

const REPAIRS: readonly Repair[] = [
  ['m01-retire-before-all-moved', 'a look at who signs', before('drain-current'), unused + before('drain-current')],
  ['m03-one-probe-through-the-balancer', 'every replica is asked', 'on: balancer', 'on: every-replica'],
  ['m04-down-replica-skipped', 'the proof leaves nobody out', 'batch: 1, unreachable: skip', 'batch: 1'],
  ['m05-one-client-for-all', 'a look at who signs', before('drain-current'), unused + before('drain-current')],
  [
    'm06-no-drain',
    'a wait',
    before('publish-without-current'),
    step('drain-current', 'drain', 'fleet', 'effect: [{ of: flight, drained: current }]') +
      before('publish-without-current'),
  ],
  ['m07-declare-while-a-replica-is-down', 'the proof leaves nobody out', 'batch: 1, unreachable: skip', 'batch: 1'],
  [
    'm08-snapshot-restored-while-clients-sign-next',
    'the rollback widens',
    'effect: [{ of: replica, where: disk, accepts: [current] }]\n      on-failure: hold\n    - step: load-current-again',
    'effect: [{ of: replica, where: disk, accepts: [current, next] }]\n      on-failure: hold\n    - step: load-current-again',
  ],
  ['m10-nonce-prefix-changed-by-rollback', 'the prefix stays', ', namespace: other', ''],
  [
    'm13-file-written-taken-for-accepted',
    'a look at what is accepted',
    '\n  moving:\n',
    `${step('verify-overlap', 'prove', 'fleet', 'proof: [{ proves: accepts, generation: next, on: every-replica }]')}\n  moving:\n`,
  ],
  [
    'm14-rollback-without-drain',
    'a wait',
    '\n  closing:\n',
    `${step('drain-next', 'drain', 'fleet', 'effect: [{ of: flight, drained: next }]')}\n  closing:\n`,
  ],
  [
    'tm3-bundle-replaced',
    'the bundle is extended',
    '{ of: replica, where: disk, accepts: [next] }]\n      on-failure: hold\n    - step: load-trust',
    '{ of: replica, where: disk, accepts: [current, next] }]\n      on-failure: hold\n    - step: load-trust',
  ],
  [
    'tm6-tickets-ignored',
    'sessions are ended, and seen to be',
    before('publish-without-current'),
    step(
      'end-old-sessions',
      'end-sessions',
      'fleet',
      'effect: [{ of: sessions, ended: current }]',
      'proof: [{ proves: no-session, generation: current }]',
    ) + before('publish-without-current'),
  ],
  ['gm3-old-id-revoked-during-overlap', 'nothing is revoked', ', revokes: [current]', ''],
  ['gm4-strict-before-key-ids', 'ids are not enforced', ', strict: true', ''],
  [
    'gm5-strict-before-clients-are-back',
    'the returning gates stay lenient',
    'disk, strict: as-before',
    'disk, strict: false',
  ],
];

const read = (file: string, change = (text: string) => text) =>
  readRunbook(change(textOf(`test/mistakes/${file}.yaml`)), `${file}.yaml`);

describe('the classical mistakes', () => {
  it('are all in the table', () => {
    const files = readdirSync(new URL('../../mistakes/', import.meta.url)).filter((name) => name.endsWith('.yaml'));
    expect(ROWS.map(({ file }) => `${file}.yaml`).sort()).toEqual(files.sort());
    expect(files).toHaveLength(28);
  });

  it.each(ROWS)('$file: $says', ({ file, breaks, lines, events, step, request, asked }) => {
    const { verdict, counterexample } = ask(read(file), { environment: CATALOGUE, whole: true, ...asked });
    expect({ verdict, invariant: counterexample?.invariant, step: counterexample?.step }).toEqual({
      verdict: 'unsafe',
      invariant: breaks,
      step,
    });
    expect(counterexample?.request).toMatch(request);
    expect(counterexample?.lines).toHaveLength(lines);
    expect(lines).toBeLessThanOrEqual(events ?? lines);
    expect(counterexample?.lines.map(({ number }) => number)).toEqual([...Array(lines).keys()].map((at) => at + 1));
  });

  it.each(ROWS)(
    '$file is found whatever may happen, on three replicas and three clients',
    ({ file, breaks, asked }) => {
      const { reduced, ...answer } = ask(read(file), {
        replicas: 3,
        clients: 3,
        templates: asked?.templates ?? 0,
        ...(asked?.beginning === undefined ? {} : { beginning: asked.beginning }),
      });
      expect([wordOf(answer as ReturnType<typeof ask>), reduced]).toEqual([breaks, true]);
    },
  );

  it.each(BEGINNINGS.slice(0, 2))(
    'what a rollback puts back as before hurts no fleet that begins %s',
    (_, beginning) => {
      const answer = ask(read('gm5-strict-before-clients-are-back'), { templates: 1, beginning });
      expect(['safe', 'no dead end']).toContain(wordOf(answer));
    },
  );

  // Some leave out what has nothing to do with the mistake, such as moving the clients: they break nothing, and are never done.
  it.each(REPAIRS)('%s breaks no invariant when put right: %s', (file, _, from, to) => {
    const book = read(file, (text) => {
      expect(text).toContain(from);
      return text.replaceAll(from, to);
    });
    const sizes: Asked[] = [{ whole: true }, { templates: 1, whole: true }, { replicas: 3, clients: 3 }];
    const begins = ROWS.find((row) => row.file === file)?.asked?.beginning;
    const answers = sizes.map((asked) =>
      wordOf(ask(book, begins === undefined ? asked : { ...asked, beginning: begins })),
    );
    expect(answers.filter((answer) => answer !== 'safe' && answer !== 'no dead end')).toEqual([]);
  });
});
