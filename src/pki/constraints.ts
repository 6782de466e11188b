import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { OctetString } from 'asn1js';
import { type GeneralName, NameConstraints } from 'pkijs';
import { addressBytes, namesOf } from './alt-names.ts';
import { nameOf } from './bundle.ts';
import { extensionsOf } from './details.ts';

const NAME_CONSTRAINTS = '2.5.29.30';
const TYPE = { dnsName: 2, ipAddress: 7 } as const;
/** Extensions that every TLS library understands; another one that is critical makes it refuse. */
const UNDERSTOOD: readonly string[] = [
  '2.5.29.14', // subject key identifier
  '2.5.29.15', // key usage
  '2.5.29.17', // subject alternative name
  '2.5.29.19', // basic constraints
  NAME_CONSTRAINTS,
  '2.5.29.31', // where revocations are listed
  '2.5.29.32', // policies
  '2.5.29.33', // policy mappings
  '2.5.29.35', // authority key identifier
  '2.5.29.36', // policy constraints
  '2.5.29.37', // extended key usage
  '2.5.29.54', // inhibit any policy
];

/** What the extensions of a path forbid: names outside of what an authority may issue for, and what nobody understands. */
export function constraintFaults(path: readonly X509Certificate[]): readonly string[] {
  const [leaf, ...authorities] = path;
  if (leaf === undefined) return [];
  const names = namesOf(leaf);
  return [
    ...authorities.flatMap((authority) => names.flatMap((name) => outside(authority, name) ?? [])),
    ...path.flatMap((one) => {
      const strange = extensionsOf(one).filter(({ critical, extnID }) => critical && !UNDERSTOOD.includes(extnID));
      return strange.map(
        ({ extnID }) => `${nameOf(one)} has the critical extension ${extnID}, which peers do not know`,
      );
    }),
  ];
}

function outside(authority: X509Certificate, name: string): string | undefined {
  const value: unknown = extensionsOf(authority).find(({ extnID }) => extnID === NAME_CONSTRAINTS)?.parsedValue;
  if (!(value instanceof NameConstraints)) return undefined;
  const type = isIP(name) === 0 ? TYPE.dnsName : TYPE.ipAddress;
  const ofType = (subtrees: NameConstraints['permittedSubtrees'] = []): readonly GeneralName[] =>
    subtrees.map(({ base }) => base).filter((base) => base.type === type);
  const permitted = ofType(value.permittedSubtrees);
  const isExcluded = ofType(value.excludedSubtrees).some((base) => isWithin(name, base));
  const isPermitted = permitted.length === 0 || permitted.some((base) => isWithin(name, base));
  return isExcluded || !isPermitted
    ? `${nameOf(authority)} may not issue for ${name} (its name constraints)`
    : undefined;
}

/** RFC 5280, section 4.2.1.10. */
function isWithin(name: string, { value }: GeneralName): boolean {
  if (typeof value === 'string') {
    const [one, base] = [name.toLowerCase(), value.toLowerCase()];
    return base === '' || one === base || one.endsWith(base.startsWith('.') ? base : `.${base}`);
  }
  if (!(value instanceof OctetString)) return false;
  const range = value.valueBlock.valueHexView;
  const bytes = new Uint8Array(addressBytes(name));
  if (range.length !== 2 * bytes.length) return false;
  return bytes.every((byte, at) => {
    const mask = range[bytes.length + at] ?? 0;
    return (byte & mask) === ((range[at] ?? 0) & mask);
  });
}
