import { fileURLToPath } from 'node:url';
import { expect, type TestContext } from 'vitest';
import { type ForeignFleet, startForeign } from './foreign-fleet.ts';
import type { Ended, Found } from './rotctl-run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** A minute, in milliseconds. */
export const MINUTES = 60_000;

export const LINE = 'accepted client=(?<client>\\S+) key=(?<key>\\S+)';
export const WITH_CALLER = `${LINE} instance=\\S+ agent=(?<caller>\\S+)`;
export const WITH_INSTANCE = `^(?P<time>\\S+) ${LINE} instance=(?P<instance>\\S+) agent=(?P<caller>\\S+)`;

/** A fleet of two signers whose file names another source of usage evidence; `edit` changes more of it. */
export async function start(
  { onTestFinished }: TestContext,
  usage: string,
  edit: (text: string) => string = (text) => text,
  strangers: readonly string[] = [],
): Promise<ForeignFleet> {
  const fleet = await startForeign({
    ...{ root, replicas: 2, takeUp: 'restart', strangers },
    edit: (text) =>
      edit(
        text
          .replace(/usage:\n(?: .*\n)+/, `usage: ${usage}\n`)
          .replace(/(serverName: (signer-\d)\.foreign\.example\n)/g, '$1    log: logs/$2.log\n'),
      ),
  });
  onTestFinished(() => fleet.stop(), MINUTES);
  return fleet;
}

/** The checks of a kind that did not pass, by target. */
export function open({ result }: Ended, id = 'usage.unused'): readonly Found[] {
  const bad = result.checks.filter((check) => check.id === id && check.verdict !== 'pass');
  return bad.filter((check, index) => bad.findIndex(({ target }) => target === check.target) === index);
}

export function ending({ code, result, stderr }: Ended): unknown[] {
  return [code, result.phase, code === 0 ? '' : `${result.error?.message} ${stderr}`];
}

export async function expectNoRefusal(fleet: ForeignFleet): Promise<void> {
  for (const client of ['client-a', 'client-b'])
    expect(fleet.tally(client).refused).not.toHaveProperty('AUTH_INVALID_HMAC');
}
