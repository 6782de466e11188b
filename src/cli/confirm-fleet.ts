import { escapeForeign } from '../errors/escape.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Platform } from './platform.ts';

/** What was typed to let a drill loose on production. */
export interface Consent {
  readonly allowProduction: boolean;
  /** The fleet's name, as it was typed with `--confirm`. */
  readonly confirm: string | undefined;
}

/**
 * Refuses a drill in production unless the flag was given and the fleet's name was typed: with `--confirm`, or at the
 * terminal when asked. Where nobody can be asked, nobody has agreed.
 *
 * @throws RotctlError `PRECONDITION_FAILED`
 */
export async function requireConsent(
  platform: Pick<Platform, 'ask'>,
  { name, environment }: Pick<Fleet, 'name' | 'environment'>,
  { allowProduction, confirm }: Consent,
): Promise<void> {
  if (confirm !== undefined && confirm !== name) throw refused(`--confirm is not the name of this fleet, ${name}`);
  if (environment !== 'production') return;
  const what = `${name} is a production fleet, and a drill changes the secrets of every replica and client`;
  if (!allowProduction) throw refused(`${what}; without --allow-production it is not begun`);
  if (confirm === name) return;
  const typed = await platform.ask(`${escapeForeign(what)}.\nType the fleet's name to begin: `);
  if (typed === undefined) throw refused(`${what}; its name was not typed, and there is no terminal to ask at`);
  if (typed !== name) throw refused(`what was typed is not the name of this fleet, ${name}`);
}

function refused(message: string): RotctlError {
  return new RotctlError('PRECONDITION_FAILED', message, {
    hint: 'rehearse on a staging fleet; for production give --allow-production and type its name, or give it with --confirm NAME',
    next: 'rotctl drill',
  });
}
