import { readVariable } from '../credential/env-file.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFilePlace } from '../fleet/fleet.ts';
import { changing } from './changing.ts';
import { type PLAIN, planChange } from './gate-change.ts';
import type { GateDriver, GateSettings } from './gate-driver.ts';
import { leftovers, makeSecretFile, purge, removeStale } from './gate-files.ts';
import { gateFormat, namedFiles, readHeld } from './gate-secrets.ts';
import type { GateFiles } from './ports.ts';

export type { GateChange, GateDriver, GateSettings, GateTarget } from './gate-driver.ts';

/** Makes the driver for places whose format is `gate`; it throws `INTERNAL` for others. */
export function createGateDriver({ files }: { readonly files: GateFiles }): GateDriver {
  return {
    async read({ deploy }) {
      gateFormat(deploy);
      return readSettings(await files.read(deploy.path), deploy, files);
    },
    async write({ deploy }, change, labels) {
      gateFormat(deploy);
      const before = await files.read(deploy.path);
      const { text, newFiles } = planChange(before, deploy, await readHeld(before, deploy, files), change, labels);
      if (text === before) return { changed: false };
      for (const file of newFiles) await makeSecretFile(file, files);
      await changing(deploy.path, 'replaced', () => files.replace(deploy.path, text));
      await removeStale(deploy, new Set([...namedFiles(before, deploy), ...namedFiles(text, deploy)]), files);
      return { changed: true };
    },
    leftovers: ({ deploy }, others = []) => leftovers(deploy, others, files),
    purge: ({ deploy }, retired, others = []) => purge(deploy, retired, others, files),
  };
}

async function readSettings(text: string, deploy: EnvFilePlace, files: GateFiles): Promise<GateSettings> {
  const { names } = gateFormat(deploy);
  const { secret, prev } = await readHeld(text, deploy, files);
  if (secret.file !== undefined && secret.secret === undefined) {
    throw new RotctlError('SECRET_REFUSED', `the file that ${names.secret} names is empty or not there`, {
      at: { file: secret.file },
    });
  }
  const plain = (which: (typeof PLAIN)[number]) => readVariable(text, names[which], deploy.path);
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
