import { beforeAll, expect, it } from 'vitest';
import { tasksOf } from '../../src/machine/roll.ts';
import { program, servedBy, tlsFiles } from '../support/certificate-fleet.ts';
import { type PracticeFleet, startPracticeFleet, within } from '../support/practice-fleet.ts';

let fleet: PracticeFleet;
beforeAll(async () => {
  fleet = await startPracticeFleet();
}, 120_000);

/** The outcome of the step that has the first of two signers show its next certificate. */
function halfway(): number {
  const inventory = { templates: ['signer-image'], replicas: fleet.replicas, clients: ['client-a', 'client-b'] };
  const tasks = tasksOf([...program.opening, ...program.moving], inventory);
  return 1 + tasks.findIndex(({ step }) => step.id === 'restart-next-signer');
}

it(
  'a rotation that is killed halfway is taken back: every file, and what every signer serves',
  within(80),
  async () => {
    const [files, served] = [tlsFiles(fleet), await servedBy(fleet)];
    const refused = (await fleet.clients()).map(({ id, refused: count }) => ({ id, refused: count }));
    const env = { CRASH_AT: `outcome:${halfway()}:named` };
    const killed = await fleet.rotctl(['overlap', '--material', 'mtls'], { entry: 'crash-main', env });
    expect(killed.signal, `${killed.stdout}${killed.stderr}`).toBe('SIGKILL');
    const between = await servedBy(fleet);
    expect([between[0] === served[0], between[1] === served[1]]).toEqual([false, true]);

    const back = await fleet.rotctl(['rollback']);
    expect([back.code, back.stderr]).toEqual([0, expect.stringMatching(/^PASS rolled-back: /m)]);
    expect(tlsFiles(fleet)).toEqual(files);
    expect(await servedBy(fleet)).toEqual(served);
    expect((await fleet.clients()).map(({ id, refused: count }) => ({ id, refused: count }))).toEqual(refused);
    await fleet.down();
  },
);
