import { expect, type TestContext, test } from 'vitest';
import { type Ended, troubles } from '../foreign/rotctl-run.ts';
import { type GateFleet, startGates, type Variables } from './fleet.ts';

const UNITS = ['gate-1', 'gate-2', 'service'];
/** What cannot hold where each gate has nonces of its own. */
const KNOWN = [
  'replay.cross-replica',
  'replay.concurrent',
  'replay.namespace',
  'replay.after-ttl',
  'replay.secrets',
  'replay.balancer',
];
const ACCEPTS = `accepts:
${KNOWN.map((check) => `  - { check: ${check}, reason: 'each gate has nonces of its own', owner: platform }`).join('\n')}
`;
const SECRETS = ['INTERSERVICE_HMAC_SECRET', 'INTERSERVICE_HMAC_SECRET_PREV'];

/** A gate that names no key id and has no previous secret, one that says both, and a service. */
async function start({ onTestFinished }: TestContext, more: Variables = {}): Promise<GateFleet> {
  const explicit = { INTERSERVICE_HMAC_KEY_ID: 'v1', INTERSERVICE_HMAC_SECRET_PREV: '' };
  const fleet = await startGates([more, { ...explicit, ...more }], {});
  onTestFinished(() => fleet.stop(), 60_000);
  return fleet;
}

const settings = (fleet: GateFleet) => UNITS.map((unit) => fleet.variables(unit));

/** Targets at which a check failed. */
function failed({ result }: Ended, id: string): string[] {
  return result.checks.filter((check) => check.id === id && check.verdict === 'fail').map(({ target }) => target);
}

function expectEnd(ended: Ended, code: number, phase: string): void {
  expect([ended.code, ended.result.phase], `${ended.result.error?.message}\n${troubles(ended)}`).toEqual([code, phase]);
}

/** Every valid request of the service was answered with an acceptance, all through its lives. */
async function expectNoRefusal(fleet: GateFleet): Promise<void> {
  await fleet.ctl('stop', 'service');
  const { accepted, refused, answers } = fleet.tally();
  expect({ refused, answers }).toEqual({ refused: 0, answers: [] });
  expect(accepted).toBeGreaterThan(50);
}

test('gates with nonces of their own are found, and no rotation begins', async (context) => {
  const fleet = await start(context);
  const before = settings(fleet);
  const check = await fleet.rotctl('check');
  expect([check.code, check.result.verdict], check.stderr).toEqual([1, 'fail']);
  expect(failed(check, 'replay.cross-replica')).not.toEqual([]);
  expect(check.result.checks.filter(({ id, verdict }) => verdict === 'fail' && !KNOWN.includes(id))).toEqual([]);
  const overlap = await fleet.rotctl('overlap');
  expect(overlap.code, overlap.stderr).toBe(13);
  expect(`${overlap.result.error?.code} ${overlap.result.error?.message}`).toMatch(
    /^PRECONDITION_FAILED .*replay\.cross-replica/s,
  );
  expect(settings(fleet)).toEqual(before);
  await expectNoRefusal(fleet);
}, 180_000);

test('with the defect accepted, one rotation ends in destruction and the next goes back', async (context) => {
  const fleet = await start(context);
  fleet.declare(ACCEPTS);
  const overlap = await fleet.rotctl('overlap');
  expectEnd(overlap, 0, 'switched');
  expect(failed(overlap, 'replay.cross-replica')).not.toEqual([]);
  const during = settings(fleet);
  expect(during.map((each) => each.INTERSERVICE_HMAC_SECRET)).not.toContain(fleet.secret);
  expect(during.slice(0, 2).map((each) => each.INTERSERVICE_HMAC_SECRET_PREV)).toEqual([fleet.secret, fleet.secret]);
  expectEnd(await fleet.rotctl('retire', '--wait'), 0, 'destroyed');

  const after = settings(fleet);
  const [next] = new Set(after.map((each) => each.INTERSERVICE_HMAC_SECRET));
  expect(after.flatMap((each) => SECRETS.map((name) => each[name] ?? ''))).not.toContain(fleet.secret);
  expect(after.map((each) => [each.INTERSERVICE_HMAC_SECRET, each.INTERSERVICE_HMAC_SECRET_PREV || undefined])).toEqual(
    UNITS.map(() => [next, undefined]),
  );

  expectEnd(await fleet.rotctl('overlap'), 0, 'switched');
  expect(settings(fleet)).not.toEqual(after);
  expectEnd(await fleet.rotctl('rollback'), 0, 'rolled-back');
  expect(settings(fleet)).toEqual(after);
  await expectNoRefusal(fleet);
}, 400_000);

test('strict gates that know the service by the default key id lock it out at no step', async (context) => {
  const fleet = await start(context, { INTERSERVICE_HMAC_STRICT_KEY_ID: '1' });
  fleet.declare(ACCEPTS);
  const before = settings(fleet);
  const overlap = await fleet.rotctl('overlap');
  if (overlap.code === 0) expectEnd(await fleet.rotctl('rollback'), 0, 'rolled-back');
  else expect([10, 13], overlap.stderr).toContain(overlap.code);
  expect(settings(fleet)).toEqual(before);
  await expectNoRefusal(fleet);
}, 240_000);

test('a drill on gates in Python goes there and back, and leaves every variable as it was', async (context) => {
  const fleet = await start(context);
  fleet.declare(ACCEPTS);
  const before = settings(fleet);
  const drill = await fleet.rotctl('drill', '--fleet', 'rotctl.yaml');
  // That each gate keeps nonces for itself is known and accepted, and fails no score.
  expectEnd(drill, 0, 'rolled-back');
  expect(settings(fleet)).toEqual(before);
  await expectNoRefusal(fleet);
}, 240_000);
