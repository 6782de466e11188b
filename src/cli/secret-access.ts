import { dirname } from 'node:path';
import { readSecret } from '../credential/reference.ts';
import type { Secret } from '../credential/secret.ts';
import { Signers } from '../credential/signer.ts';
import type { SecretSources } from '../credential/sources.ts';
import { createVault, type Vault } from '../credential/vault.ts';
import type { Client, Fleet } from '../fleet/fleet.ts';
import { type Deploys, openDeploys } from './deploys.ts';
import type { Platform } from './platform.ts';

/** How the secrets of one fleet are got at: the drivers of its targets, and the places where secrets live. */
export interface SecretAccess extends Deploys {
  readonly sources: SecretSources;
  readonly vault: Vault;
  /** Keys that are held elsewhere. Whoever opened this ends them. */
  readonly signers: Signers;
}

/** Opens the places where the secrets of a fleet live; reads none yet. @param redact replaces every known secret in a text */
export async function openSecrets(
  platform: Platform,
  fleet: Fleet,
  redact: (text: string) => string,
): Promise<SecretAccess> {
  const deploys = await openDeploys(platform, fleet, redact);
  const commands = await platform.secretCommands(redact, dirname(fleet.file));
  const vault = createVault(fleet.vault, { files: deploys.files });
  const descriptors = new Map<number, Promise<Buffer>>();
  const descriptor = (fd: number): Promise<Buffer> => {
    const reading = descriptors.get(fd) ?? platform.readDescriptor(fd);
    descriptors.set(fd, reading);
    return reading;
  };
  const sources: SecretSources = {
    read: deploys.files.read,
    variable: (name) => platform.env[name],
    descriptor,
    commands,
    sealed: vault.kept,
  };
  return { ...deploys, sources, vault, signers: new Signers(commands) };
}

/** The secrets to rotate to that the fleet file says where to read, by client id; the others are made. */
export async function readReferencedNext(
  { clients }: Pick<Fleet, 'clients'>,
  wanted: readonly string[],
  { sources }: Pick<SecretAccess, 'sources'>,
): Promise<ReadonlyMap<string, Secret>> {
  const found = new Map<string, Secret>();
  for (const { id, next } of clients.filter(hasNext)) {
    if (wanted.includes(id)) found.set(id, await readSecret(next, sources, id));
  }
  return found;
}

function hasNext(client: Client): client is Client & { readonly next: NonNullable<Client['next']> } {
  return client.next !== undefined;
}
