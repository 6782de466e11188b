import { generateSecret } from '../credential/generate.ts';
import type { Secret } from '../credential/secret.ts';
import type { SecretForm } from '../credential/secret-form.ts';
import type { SignerCommand } from '../credential/signer.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Client } from '../fleet/fleet.ts';
import type { Entry } from '../ledger/entry.ts';
import type { Journal } from './journal.ts';
import type { Tools } from './tools.ts';

/** The proof's name in the entries around the making of a key that is held elsewhere. */
const MAKING = 'next-key';

/** A fresh secret, and the id of its key where that is held elsewhere under one. */
export interface Fresh {
  readonly secret: Secret;
  readonly keyId?: string | undefined;
}

/** What making the next secrets of a rotation goes by. */
export interface Making {
  readonly tools: Pick<Tools, 'random' | 'signers' | 'progress'>;
  /** How a secret's text holds its key, where the fleet's scheme says so. */
  readonly form: SecretForm | undefined;
  readonly journal: Pick<Journal, 'note'>;
  readonly entries: readonly Entry[];
  /** Secrets that the operator brought, or that the fleet file says where to read, by client id. */
  readonly given: ReadonlyMap<string, Secret>;
}

/**
 * The secret to which a client rotates: as given; by its signer, where the key is held elsewhere; else made here.
 *
 * @throws RotctlError `SECRET_UNAVAILABLE`, `SECRET_REFUSED`
 */
export async function nextSecretOf(making: Making, client: Client): Promise<Fresh> {
  const given = making.given.get(client.id);
  const { signer } = client;
  if (signer === undefined) return { secret: given ?? generateSecret(making.tools.random, making.form) };
  if (given === undefined) return heldNext(making, client.id, signer);
  throw new RotctlError('USAGE', `${client.id} has a signer: its key is held elsewhere, and none can be brought`, {
    hint: 'leave --secret-file out; name the key under signer.keyIds.next, or give signer.create',
  });
}

async function heldNext(making: Making, client: string, signer: SignerCommand): Promise<Fresh> {
  const { signers } = making.tools;
  const named = (keyId: string | undefined) => signers.held(signer, { client, generation: 'next', keyId });
  const { create } = signer;
  if (create === undefined) return { secret: await named(signer.keyIds.next), keyId: signer.keyIds.next };
  const earlier = lastMaking(making.entries, client);
  if (earlier?.state === 'made') {
    const secret = await named(earlier.keyId);
    if (secret.fingerprint === earlier.fingerprint) return { secret, keyId: earlier.keyId };
    throw new RotctlError('SECRET_UNAVAILABLE', `the next key of ${client} is not the one that was made for it`, {
      hint: 'its fingerprint is another than the ledger has; give the right key under signer.keyIds.next and take signer.create out',
    });
  }
  if (earlier?.state === 'intended') {
    const found = await unsettled(named, signer, client);
    if (found !== undefined) return recorded(making, client, { secret: found, keyId: signer.keyIds.next });
  }
  return makeNext(making, client, signer, create, named);
}

/** Writes down that the key is to be made, has it made once, and writes down which one it is. */
async function makeNext(
  making: Making,
  client: string,
  signer: SignerCommand,
  create: readonly string[],
  named: (keyId: string | undefined) => Promise<Secret>,
): Promise<Fresh> {
  await note(making, client, { state: 'intended' });
  try {
    const keyId = (await making.tools.signers.create(signer, create, client)) ?? signer.keyIds.next;
    return await recorded(making, client, { secret: await named(keyId), keyId });
  } catch (error) {
    await note(making, client, { state: 'failed' });
    throw error;
  }
}

/** What became of a key whose making was broken off: the signer is asked for it, where it can be without an id that was printed. */
async function unsettled(
  named: (keyId: string | undefined) => Promise<Secret>,
  signer: SignerCommand,
  client: string,
): Promise<Secret | undefined> {
  if (signer.command.some((argument) => argument.includes('{keyId}')) && signer.keyIds.next === undefined) {
    throw new RotctlError(
      'SECRET_UNAVAILABLE',
      `making the next key of ${client} was broken off, and its id is not known`,
      {
        hint: 'look at the holder: give the id of the key that is there under signer.keyIds.next, or any id to have it made anew under',
      },
    );
  }
  try {
    return await named(signer.keyIds.next);
  } catch (error) {
    if (error instanceof RotctlError && error.code === 'SECRET_UNAVAILABLE') return undefined;
    throw error;
  }
}

async function recorded(making: Making, client: string, fresh: Fresh): Promise<Fresh> {
  const { secret, keyId } = fresh;
  await note(making, client, {
    state: 'made',
    fingerprint: secret.fingerprint,
    ...(keyId === undefined ? {} : { keyId }),
  });
  return fresh;
}

async function note({ journal }: Making, client: string, data: { readonly [key: string]: string }): Promise<void> {
  await journal.note('evidence', { proof: MAKING, client, ...data });
}

interface Made {
  readonly state: unknown;
  readonly keyId: string | undefined;
  readonly fingerprint: unknown;
}

/** The last that the ledger says of making a key for this client, unless a rotation has begun with it since. */
function lastMaking(entries: readonly Entry[], client: string): Made | undefined {
  const begun = entries.findLastIndex(({ kind, data }) => kind === 'header' && 'material' in data);
  const own = entries.slice(begun + 1).findLast(({ data }) => data.proof === MAKING && data.client === client);
  if (own === undefined) return undefined;
  const { state, keyId, fingerprint } = own.data;
  return { state, keyId: typeof keyId === 'string' ? keyId : undefined, fingerprint };
}
