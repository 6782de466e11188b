import { resolve } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Check } from '../probe/checks/check.ts';
import { CHECKLIST, extraVectorChecks } from '../probe/checks/checklist.ts';
import { checksOf } from '../probe/checks/list.ts';
import { readVectors, type VectorFile } from '../probe/vectors.ts';
import { lookAtAll, openLook, rehearseLook } from './look.ts';
import type { Platform } from './platform.ts';
import { readinessLooks } from './readiness-checks.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { usageLook } from './usage-look.ts';

/** What was typed for `check`. */
export interface CheckRequest {
  /** A file of vectors to run in place of the checklist. */
  readonly vectors: string | undefined;
}

/** Says what `check` would try; sends nothing. */
export async function rehearseCheck(
  platform: Platform,
  flags: GlobalFlags,
  { vectors }: CheckRequest,
): Promise<CommandEnd> {
  const file = vectors === undefined ? undefined : resolve(platform.cwd, vectors);
  const given = file === undefined ? undefined : readVectors(await platform.readText(file), file);
  return rehearseLook(platform, flags, 'check', (fleet) => checksFor(fleet, given));
}

/** The checks for a fleet's protocol, or the vectors of a file. @throws RotctlError `USAGE` where the protocol has no vectors */
function checksFor(fleet: Pick<Fleet, 'protocol'>, given: VectorFile | undefined): readonly Check[] {
  if (given === undefined) return checksOf(fleet);
  if (fleet.protocol !== 'keyring-v1')
    throw new RotctlError('USAGE', `test vectors are for keyring-v1, and the fleet speaks ${fleet.protocol}`);
  const ids = given.vectors.map(({ id }) => id);
  return [...CHECKLIST.filter(({ id }) => ids.includes(id)), ...extraVectorChecks(given)];
}

/**
 * Tries the checklist, or the vectors of a file, on every replica. Exit 1 when a check fails, 12 when one that matters
 * could not be told.
 */
export async function check(platform: Platform, flags: GlobalFlags, { vectors }: CheckRequest): Promise<CommandEnd> {
  const file = vectors === undefined ? undefined : resolve(platform.cwd, vectors);
  const given = file === undefined ? undefined : readVectors(await platform.readText(file), file);
  const look = await openLook(platform, flags, given);
  try {
    const { fleet, context } = look;
    // Vectors of a file are about the signers alone.
    const readiness = given === undefined ? readinessLooks(platform, flags, fleet, context.clients) : [];
    const usage = given === undefined && look.unusable === undefined ? await usageLook(platform, look) : undefined;
    const looks = [...readiness, ...(usage?.looks ?? [])];
    return await lookAtAll(platform, flags, 'check', look, checksFor(fleet, given), looks).finally(() =>
      usage?.close(),
    );
  } finally {
    await look.close();
  }
}
