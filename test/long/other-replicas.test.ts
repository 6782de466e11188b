import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { entriesOf } from '../crash/crash-run.ts';
import { type NameServer, nameServer } from '../support/name-server.ts';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

const PATIENCE = within(60);

/** One rotation, in which the replicas change around it: each test goes on where the one before left off. */
describe('a rotation whose replicas are others than they were', () => {
  let fleet: PracticeFleet;
  let names: NameServer;
  let text: string;
  beforeAll(async () => {
    fleet = await startPracticeFleet();
    names = await nameServer(Object.fromEntries(fleet.replicas.map((name) => [`${name}.test`, ['127.0.0.1']])));
    text = readFileSync(fleet.fleetFile, 'utf8')
      // A busy machine needs a wider margin at the window's end.
      .replace(/clockError: \w+/, 'clockError: 900ms')
      .replace(/^environment: .*/m, (line) => `${line}\nresolver: ${names.address}`)
      .replace(/^( {2}- name: (signer-\w)\n {4}url: ['"]?https:\/\/)127\.0\.0\.1/gm, '$1$2.test');
    writeFileSync(fleet.fleetFile, text);
    expect(text).toContain('signer-b.test:');
    return async () => {
      await fleet.down();
      await names.close();
    };
  }, 120_000);

  /** The fleet file without one of its replicas. */
  function withoutB(): string {
    const lines = text.split('\n');
    const from = lines.indexOf('  - name: signer-b');
    const until = lines.findIndex((line, index) => index > from && !line.startsWith('    '));
    expect(from).toBeGreaterThan(0);
    return lines.toSpliced(from, until - from).join('\n');
  }

  it('holds before the first client moves, when a name leads elsewhere', PATIENCE, async () => {
    const running = fleet.start(['overlap']);
    await running.said('opening:');
    names.names.set('signer-b.test', ['127.0.0.2']);
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([
      12,
      expect.stringMatching(
        /signer-b was at https:\/\/signer-b\.test:\d+ \(127\.0\.0\.1\), and is at .*\(127\.0\.0\.2\) now/,
      ),
    ]);
    const newest = await entriesOf(fleet);
    expect(newest.find(({ kind }) => kind === 'header')?.data.pins).toHaveLength(2);
    expect(newest.findLast(({ data }) => data.proof === 'replicas')?.data.verdict).toBe('unknown');
    expect(newest.filter(({ phase, kind }) => phase === 'moving' && kind === 'intent')).toEqual([]);
  });

  it.each([
    ['elsewhere', ['127.0.0.2'], /signer-b was at .* and is at .*127\.0\.0\.2/],
    ['nowhere', [], /signer-b was at .*, and signer-b\.test did not resolve/],
  ])('is not taken up while one is %s', PATIENCE, async (_, addresses, says) => {
    names.names.set('signer-b.test', addresses);
    const { code, stderr } = await fleet.rotctl(['resume']);
    expect([code, stderr]).toEqual([13, expect.stringMatching(says)]);
    expect(stderr).toContain('FLEET_CHANGED');
  });

  it('still counts a replica that left the fleet file', PATIENCE, async () => {
    names.names.set('signer-b.test', ['127.0.0.1']);
    writeFileSync(fleet.fleetFile, withoutB());
    const { code, stderr } = await fleet.rotctl(['resume']);
    expect([code, stderr]).toEqual([13, expect.stringContaining('signer-b is missing')]);
    expect(stderr).toContain('rotctl confirm --replica signer-b --gone --by NAME');
    writeFileSync(fleet.fleetFile, text);
  });

  it('goes on to its end when all are where they were', PATIENCE, async () => {
    expect((await fleet.rotctl(['resume'])).code).toBe(0);
  });

  it('goes on without one that is gone, by a recorded word, as far as one replica proves', PATIENCE, async () => {
    writeFileSync(fleet.fleetFile, withoutB());
    const said = await fleet.rotctl(['confirm', '--replica', 'signer-b', '--gone', '--by', 'A. Jones']);
    expect(said.code).toBe(0);
    const { code, stderr } = await fleet.rotctl(['retire', '--wait']);
    expect(stderr).toContain('gone, by the word of A. Jones');
    expect(fleet.material().signers['signer-a']).toMatchObject({ 'client-a': [expect.any(String)] });
    // With one replica left, nothing can be shown about replay across replicas, and nothing more is done.
    expect(code).toBe(12);
  });
});
