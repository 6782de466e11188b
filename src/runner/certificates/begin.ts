import type { Secret } from '../../credential/secret.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { Entry } from '../../ledger/entry.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import type { PairParts } from '../make-pairs.ts';
import type { Tools } from '../tools.ts';
import { makeTerms } from './make-terms.ts';
import { authorityKeyIn, type CertificateTerms } from './terms.ts';

/**
 * Makes the terms of a new rotation of certificates.
 *
 * @throws RotctlError `USAGE` where a client would be left behind, or secrets were brought; as `makeTerms`
 */
export async function beginCertificates(parts: PairParts, rotation: string): Promise<CertificateTerms> {
  const { tools, entries, clients, brought } = parts;
  const { fleet } = tools;
  if (brought.size > 0) throw new RotctlError('USAGE', 'secrets were brought, and it is certificates that rotate');
  const left = fleet.clients.filter(({ id }) => !clients.includes(id)).map(({ id }) => id);
  if (left.length > 0) {
    const hint = 'leave --client out: the old authority is withdrawn for all clients at once';
    throw new RotctlError('USAGE', `${left.join(', ')} would be left behind with the old authority`, { hint });
  }
  const { driver, authority } = requireCertificates(tools);
  const currentAuthorityKey = await presentKey(tools, entries);
  const now = tools.clock.now();
  return makeTerms({ fleet, driver, authority, id: rotation, currentAuthorityKey, now });
}

/** @throws RotctlError `PRECONDITION_FAILED` for a fleet that does not say where its certificates stand */
function requireCertificates({ certificates }: Pick<Tools, 'certificates'>): NonNullable<Tools['certificates']> {
  if (certificates !== undefined) return certificates;
  throw new RotctlError('PRECONDITION_FAILED', 'the fleet file says nothing of certificates that could be rotated', {
    hint: 'declare `authority`, and `certificates` of every replica, template and client (spec/fleet-file.md)',
  });
}

/** The key of the present authority, where a rotation of ours has made it, as long as it is sealed here. */
async function presentKey({ vault }: Pick<Tools, 'vault'>, entries: readonly Entry[]): Promise<Secret | undefined> {
  const holder = holderOfAuthority(entries);
  return holder === undefined ? undefined : authorityKeyIn(await vault.open(holder.rotation), holder.generation);
}

/** The rotation with which the key of the present authority is sealed, and as what: the last one of certificates, once it is over. */
export function holderOfAuthority(
  entries: readonly Entry[],
): { readonly rotation: string; readonly generation: RotatingGeneration } | undefined {
  const last = entries.findLast(({ kind, data }) => kind === 'header' && isOfCertificates(data.material));
  if (last === undefined) return undefined;
  const { rotation } = last;
  const phase = entries.findLast((entry) => entry.rotation === rotation)?.phase;
  if (phase === 'destroyed') return { rotation, generation: 'next' };
  return phase === 'rolled-back' ? { rotation, generation: 'current' } : undefined;
}

function isOfCertificates(material: unknown): boolean {
  return typeof material === 'object' && material !== null && 'authority' in material;
}
