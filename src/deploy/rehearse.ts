import { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Deploy, Place } from '../fleet/fleet.ts';
import { planChange } from './gate-change.ts';
import { readHeld } from './gate-secrets.ts';
import { Rollouts } from './kubernetes/rollout.ts';
import { type DriverPorts, type GateSite, gateSiteOf, loaderOf, secretStoreOf } from './places.ts';
import type { GateFiles } from './ports.ts';

/** As long, and of the same characters, as the secrets that `rotctl` makes; it is never written anywhere. */
const STAND_IN = Secret.fromText('5'.repeat(64));
/** Every setting of a gate, so that each variable is looked at. */
const SETTINGS = { keyId: 'k-1', keyIdPrev: 'k-2', strict: 'true', revoked: 'k-3', dual: 'true' } as const;

/** See `Rehearsable.rehearse`. */
export async function rehearse(
  deploy: Place | Deploy,
  clientIds: readonly string[],
  ports: DriverPorts,
): Promise<readonly string[]> {
  const site = gateSiteOf(deploy, ports);
  const secrets = site === undefined ? secretStoreOf(deploy, ports) : undefined;
  const tried =
    site === undefined
      ? await trying(deploy, async () => (await secrets?.rehearse(clientIds)) ?? [])
      : await trying(deploy, () => tryGate(site, ports.files));
  const hindrances = (await (site?.store ?? secrets)?.hindrances()) ?? [];
  return [...tried, ...hindrances, ...(await loaderOf(deploy, ports, new Rollouts()).hindrances())];
}

/** What is thrown at an operator's mistake is what stands in the way. */
async function trying(deploy: Place, work: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RotctlError) || error.code === 'INTERNAL') throw error;
    return [`${error.position ?? deploy.driver}: ${error.message}`];
  }
}

async function tryGate({ format, store }: GateSite, files: GateFiles): Promise<string[]> {
  const draft = await store.open();
  const site = { format, place: store.place };
  const held = await readHeld(draft, site, files);
  const { file, secret } = held.secret;
  const change = { ...SETTINGS, secret: STAND_IN, prev: secret ?? STAND_IN };
  const newFiles = planChange(draft, site, held, change, { of: () => 'k-rehearsed' });
  const obstacles: string[] = [];
  if (file !== undefined && secret === undefined) {
    obstacles.push(`${file}: the file that ${format.names.secret} names is empty or not there`);
  }
  for (const { path } of newFiles) {
    const hindrance = await files.replaceable(path);
    if (hindrance !== undefined) obstacles.push(`${path}: cannot be made: ${hindrance}`);
  }
  return [...new Set(obstacles)];
}
