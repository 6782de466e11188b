import { readFile } from 'node:fs/promises';
import { settingOf } from '../../../src/machine/rotation.ts';
import { modelOf } from '../../../src/machine/safety/check.ts';
import { ENVIRONMENT } from '../../../src/machine/safety/environment.ts';
import type { Model } from '../../../src/machine/safety/world.ts';
import type { Inventory } from '../../../src/machine/step.ts';
import { readRunbook } from '../../../src/runbook/read.ts';
import type { Runbook } from '../../../src/runbook/runbook.ts';

const FILE = 'runbooks/signer-hmac.yaml';

/** The shipped runbook of the signers' secrets. */
export async function signerRunbook(): Promise<Runbook> {
  return readRunbook(await readFile(FILE, 'utf8'), FILE);
}

/** The checker's model of that runbook on these targets, with everything on that may happen around it. */
export async function signerModel(inventory: Inventory): Promise<Model> {
  const { scheme, program } = await signerRunbook();
  return modelOf({ scheme, environment: new Set(ENVIRONMENT) }, settingOf(program, inventory));
}
