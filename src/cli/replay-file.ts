import * as z from 'zod';
import { parseDocument } from '../document/parse.ts';
import { validate } from '../document/validate.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Held } from '../probe/hold/held-nonces.ts';
import type { StoreMark } from '../probe/hold/store-mark.ts';

const moment = z.number().int().nonnegative();
const text = z.string().max(256);

const nodeMark = z.strictObject({
  runId: text.optional(),
  replId: text.optional(),
  role: text.optional(),
  upSeconds: z.number().optional(),
  aof: z.boolean().optional(),
  flushes: z.number().optional(),
  evicted: z.number().optional(),
  offsetMs: z.number().optional(),
  epoch: z.number().optional(),
  slots: z.string().max(1_000_000).optional(),
});

const file = z.strictObject({
  schema: z.literal('rotctl.burned-nonces.v1'),
  fleet: z.string(),
  nonces: z
    .array(z.strictObject({ nonce: text, client: text, replica: text, since: moment, burnedAt: moment }))
    .max(10_000),
  store: z.record(text, nodeMark).optional(),
});

/** Nonces that were burned before an event, and what the store was like then. */
export interface BurnedFile {
  readonly fleet: string;
  readonly held: readonly Held[];
  readonly mark: StoreMark | undefined;
}

/**
 * The text of such a file. A nonce is no bearer token: without a signature it opens nothing, and the signed requests that
 * burned it are not kept.
 */
export function burnedText({ fleet, held, mark }: BurnedFile): string {
  const nonces = held.map(({ nonce, client, replica, since, burnedAt }) => ({
    nonce,
    client,
    replica,
    since,
    burnedAt,
  }));
  const store = mark === undefined || 'reason' in mark ? {} : { store: Object.fromEntries(mark) };
  return `${JSON.stringify({ schema: 'rotctl.burned-nonces.v1', fleet, nonces, ...store }, undefined, 2)}\n`;
}

/**
 * Reads it again.
 *
 * @param fleet the name of the fleet that it must be of
 * @throws RotctlError `INPUT_SYNTAX`, `INPUT_INVALID` with file, line and column
 */
export function readBurned(content: string, path: string, fleet: string): BurnedFile {
  const read = validate(parseDocument(content, path), file);
  if (read.fleet !== fleet)
    throw new RotctlError('INPUT_INVALID', `these nonces were burned at ${read.fleet}, and this fleet is ${fleet}`, {
      at: { file: path },
    });
  const marks = Object.entries(read.store ?? {}).map(
    ([node, { runId, replId, role, upSeconds, aof, flushes, evicted, offsetMs, epoch, slots }]) =>
      [node, { runId, replId, role, upSeconds, aof, flushes, evicted, offsetMs, epoch, slots }] as const,
  );
  return { fleet, held: read.nonces, mark: read.store === undefined ? undefined : new Map(marks) };
}
