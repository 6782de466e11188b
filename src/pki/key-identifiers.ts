import type { X509Certificate } from 'node:crypto';
import { fromBER, ObjectIdentifier, OctetString, type Sequence } from 'asn1js';

const SUBJECT_KEY = '2.5.29.14';
const AUTHORITY_KEY = '2.5.29.35';

/** The key identifiers of a certificate: its own key's, and its issuer's; which the runtime does not show. */
export interface KeyIdentifiers {
  /** Lower-case hex of the extension's value. */
  readonly subject: string | undefined;
  readonly authority: string | undefined;
}

/** Reads the two extensions of RFC 5280, sections 4.2.1.1 and 4.2.1.2. */
export function keyIdentifiers(certificate: X509Certificate): KeyIdentifiers {
  const values = new Map(extensionsOf(certificate));
  return { subject: values.get(SUBJECT_KEY), authority: values.get(AUTHORITY_KEY) };
}

function extensionsOf({ raw }: X509Certificate): [id: string, value: string][] {
  const { result } = fromBER(Uint8Array.from(raw).buffer);
  const [body] = itemsOf(result);
  const tagged = itemsOf(body).find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === 3);
  const [list] = itemsOf(tagged);
  return itemsOf(list).flatMap((extension) => {
    const parts = itemsOf(extension);
    const [id] = parts;
    const value = parts.at(-1);
    if (!(id instanceof ObjectIdentifier) || !(value instanceof OctetString)) return [];
    return [[id.valueBlock.toString(), Buffer.from(value.valueBlock.valueHexView).toString('hex')]];
  });
}

function itemsOf(block: unknown): readonly Sequence[] {
  const value: unknown =
    typeof block === 'object' && block !== null && 'valueBlock' in block ? block.valueBlock : undefined;
  return typeof value === 'object' && value !== null && 'value' in value && Array.isArray(value.value)
    ? value.value
    : [];
}
