import { hash } from 'node:crypto';
import * as z from 'zod';
import { parseDocument } from '../../document/parse.ts';
import { validate } from '../../document/validate.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Pin } from '../../fleet/fleet.ts';
import type { LedgerValue } from '../../ledger/entry.ts';
import { pinChanges, pinsRecord, sayPinChanges } from '../enumeration.ts';
import { type LedgerHead, type PlanBinding, sayHead } from './binding.ts';
import { planDocument } from './document.ts';
import type { Plan } from './plan.ts';

/** What a saved plan is compared with when it is to be carried out. */
export interface Present {
  readonly command: string;
  readonly fleet: string;
  readonly ledger: LedgerHead;
  /** Digests of the fleet file and of the runbook. */
  readonly inventory: string;
  readonly runbook: string;
  readonly clients: readonly string[];
  /** Where each replica is. */
  readonly pins: readonly Pin[];
  readonly compromised: boolean;
  readonly reinstate: boolean;
  /** The command that makes the plan anew. */
  readonly remake: string;
}

type Values = { readonly [key: string]: LedgerValue };

const SCHEMA = 'rotctl.plan-file.v1';

/** A plan as a file: what it was made of, all that it says, and the digest of itself. Holds no secret. */
export function planFile(plan: Plan): Values {
  const content: Values = {
    schema: SCHEMA,
    command: plan.parts[0]?.command ?? null,
    fleet: plan.fleet.name,
    rotation: plan.rotation ?? null,
    phase: plan.phase,
    madeAt: new Date(plan.madeAt).toISOString(),
    ledger: plan.ledger === null ? null : { ...plan.ledger },
    inventory: plan.fleet.digest,
    runbook: { name: plan.safety.runbook.name, digest: plan.safety.runbook.digest },
    clients: [...plan.inventory.clients],
    addresses: pinsRecord(plan.pins),
    compromised: plan.order.compromised,
    reinstate: plan.order.reinstate,
    plan: planDocument(plan),
  };
  return { ...content, digest: digestOf(content) };
}

/** The digest of a plan's content: SHA-256 of its JSON text without the digest itself, keys in order of their names. */
function digestOf({ digest: _, ...content }: Values): string {
  return `sha256:${hash('sha256', canonical(content))}`;
}

function canonical(value: LedgerValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value as Values).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits');

const fileSchema = z.looseObject({
  schema: z.literal(SCHEMA),
  command: z.enum(['overlap', 'retire', 'rollback', 'resume']),
  fleet: z.string(),
  rotation: z.string().nullable(),
  ledger: z.strictObject({ seq: z.int(), hash: z.string() }).nullable(),
  inventory: digest,
  runbook: z.strictObject({ name: z.string(), digest }),
  clients: z.array(z.string()),
  addresses: z.array(
    z.strictObject({
      name: z.string(),
      url: z.string(),
      address: z.string().nullable(),
      reason: z.string().optional(),
    }),
  ),
  compromised: z.boolean(),
  reinstate: z.boolean(),
  digest,
});

/**
 * Reads a saved plan and refuses it unless it is for this command and nothing that it was made of has changed.
 *
 * @param text the file's content; @param file its path, for messages
 * @throws RotctlError `INPUT_SYNTAX`, `INPUT_INVALID` for what is no plan; `PLAN_STALE`, naming each thing that differs, as it
 *   was and as it is
 */
export function bindPlan(text: string, file: string, present: Present): PlanBinding {
  const document = parseDocument(text, file);
  const saved = validate(document, fileSchema);
  const { remake } = present;
  if (digestOf(document.value as Values) !== saved.digest) {
    throw stale('the plan was edited: its content does not have the digest that it names', file, remake);
  }
  const isNew = saved.rotation === null;
  const differing = [
    differs('command', saved.command, present.command),
    differs('fleet', saved.fleet, present.fleet),
    isNew ? differs('clients', saved.clients.join(', '), present.clients.join(', ')) : [],
    isNew ? differs('compromised', String(saved.compromised), String(present.compromised)) : [],
    differs('reinstate', String(saved.reinstate), String(present.reinstate)),
    differs('ledger', sayHead(saved.ledger), sayHead(present.ledger)),
    differs('inventory', saved.inventory, present.inventory),
    placesDiffer(saved.addresses, present.pins),
    differs('runbook', saved.runbook.digest, present.runbook),
  ].flat();
  if (differing.length > 0) throw stale(`the plan does not fit: ${differing.join('; ')}`, file, remake);
  return { digest: saved.digest, ledger: saved.ledger };
}

/** Each replica that is not where it was when the plan was made. */
function placesDiffer(
  saved: readonly { name: string; url: string; address: string | null }[],
  now: readonly Pin[],
): string[] {
  const then = saved.map(({ name, url, address }) => ({ name, url, address: address ?? undefined }));
  const changes = pinChanges(then, now);
  return changes.length === 0 ? [] : [sayPinChanges(changes)];
}

function differs(what: string, then: string, now: string): string[] {
  return then === now ? [] : [`${what} ${shown(then)} then, ${shown(now)} now`];
}

/** Of a digest, its first digits are enough to be told apart. */
function shown(text: string): string {
  return /^sha256:[0-9a-f]{64}$/.test(text) ? text.slice(0, 'sha256:'.length + 12) : text;
}

function stale(message: string, file: string, next: string): RotctlError {
  return new RotctlError('PLAN_STALE', message, { at: { file }, next });
}
