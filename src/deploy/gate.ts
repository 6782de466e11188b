import { RotctlError } from '../errors/rotctl-error.ts';
import type { Place } from '../fleet/fleet.ts';
import { type PLAIN, planChange } from './gate-change.ts';
import type { GateDriver, GateSettings } from './gate-driver.ts';
import { leftovers, makeSecretFile, purge, removeStale } from './gate-files.ts';
import { type GatePlace, namedFiles, readHeld } from './gate-secrets.ts';
import { type DriverPorts, type GateSite, gateSiteOf } from './places.ts';
import type { GateFiles } from './ports.ts';
import type { Draft } from './values.ts';

export type { GateChange, GateDriver, GateSettings, GateTarget } from './gate-driver.ts';

/** Makes the driver for places that hold a gate's settings; it throws `INTERNAL` for others. */
export function createGateDriver(ports: DriverPorts): GateDriver {
  const { files } = ports;
  const siteOf = (deploy: Place): GateSite => {
    const site = gateSiteOf(deploy, ports);
    if (site === undefined) throw new RotctlError('INTERNAL', `a place of ${deploy.driver} is not that of a gate`);
    return site;
  };
  return {
    async read({ deploy }) {
      const { format, store } = siteOf(deploy);
      return readSettings(await store.open(), { format, place: store.place }, files);
    },
    async write({ deploy }, change, labels) {
      const { format, store } = siteOf(deploy);
      const at = { format, place: store.place };
      const draft = await store.open();
      const before = namedFiles(draft, at);
      const newFiles = planChange(draft, at, await readHeld(draft, at, files), change, labels);
      if (!draft.changed) return { changed: false };
      for (const file of newFiles) await makeSecretFile(file, files);
      await draft.save();
      await removeStale(at, new Set([...before, ...namedFiles(draft, at)]), files);
      return { changed: true };
    },
    leftovers: async ({ deploy }, others = []) => leftovers(siteOf(deploy), sitesOf(others), files),
    purge: async ({ deploy }, retired, others = []) => purge(siteOf(deploy), retired, sitesOf(others), files),
  };

  function sitesOf(targets: readonly { readonly deploy: Place }[]): GateSite[] {
    return targets.map(({ deploy }) => siteOf(deploy));
  }
}

async function readSettings(draft: Draft, at: GatePlace, files: GateFiles): Promise<GateSettings> {
  const { names } = at.format;
  const { secret, prev } = await readHeld(draft, at, files);
  if (secret.file !== undefined && secret.secret === undefined) {
    throw new RotctlError('SECRET_REFUSED', `the file that ${names.secret} names is empty or not there`, {
      at: { file: secret.file },
    });
  }
  const plain = (which: (typeof PLAIN)[number]) => draft.get(names[which]);
  return {
    secret: secret.secret,
    prev: prev.secret,
    prevIsEmpty: prev.value === '' || undefined,
    keyId: plain('keyId'),
    keyIdPrev: plain('keyIdPrev'),
    strict: plain('strict'),
    revoked: plain('revoked'),
    dual: plain('dual'),
  };
}
