import { Set as AsnSet, type AsnType, fromBER, Sequence, Utf8String } from 'asn1js';
import { AltName, AttributeTypeAndValue, Certificate, type GeneralName, RelativeDistinguishedNames } from 'pkijs';
import { RotctlError } from '../errors/rotctl-error.ts';
import { readBundle } from './pem.ts';

const COMMON_NAME = '2.5.4.3';
const ALT_NAMES = '2.5.29.17';
/** Kinds of alternative names that no peer dials, and by which some know who calls: other names, e-mail, URI (SPIFFE). */
const NAMES_OF_CALLERS: readonly number[] = [0, 1, 6];
/** RFC 5280, appendix A.1: `ub-common-name`. */
const MOST_CHARACTERS = 64;

/**
 * A name of a certificate that is a common name alone.
 *
 * @throws RotctlError `INPUT_INVALID` for one that is empty, longer than 64 characters or has control characters
 */
export function subjectOf(commonName: string): RelativeDistinguishedNames {
  if (commonName.trim() === '' || [...commonName].length > MOST_CHARACTERS || /\p{Cc}/u.test(commonName)) {
    throw new RotctlError(
      'INPUT_INVALID',
      `a common name must have 1 to ${MOST_CHARACTERS} characters, got ${JSON.stringify(commonName)}`,
      { hint: 'give a shorter commonName in rotctl.yaml; the names that are dialled go to names' },
    );
  }
  const value = new Utf8String({ value: commonName });
  return new RelativeDistinguishedNames({
    typesAndValues: [new AttributeTypeAndValue({ type: COMMON_NAME, value })],
  });
}

/** By what peers may know a party, beside its names: what its present certificate says of it. */
export interface Likeness {
  readonly subject: RelativeDistinguishedNames;
  /** Its alternative names that are neither DNS names nor addresses. */
  readonly names: readonly GeneralName[];
}

/**
 * The subject of a certificate, with another common name in the place of its own, and its names that are not dialled. Who
 * accepts callers by organisation, unit or URI goes on accepting the one that has the next certificate.
 *
 * @param like PEM, of which the first certificate counts; without it the subject is the common name alone
 * @throws RotctlError `INPUT_INVALID` as `subjectOf`, and for PEM that cannot be read
 */
export function likenessOf(like: string | undefined, commonName: string): Likeness {
  const plain = subjectOf(commonName);
  const [present] = like === undefined ? [] : readBundle(like, 'present certificate');
  if (present === undefined) return { subject: plain, names: [] };
  const { subject, extensions } = Certificate.fromBER(Uint8Array.from(present.raw));
  const alternatives: unknown = extensions?.find(({ extnID }) => extnID === ALT_NAMES)?.parsedValue;
  const names = alternatives instanceof AltName ? alternatives.altNames : [];
  return {
    subject: commonNameOf(subject) === commonName ? subject : renamed(subject, plain),
    names: names.filter(({ type }) => NAMES_OF_CALLERS.includes(type)),
  };
}

/** One attribute of a subject: its short name (`O`, `OU`, `CN`, else its OID in numbers), and its value. */
export type SubjectPart = readonly [name: string, value: string];

/** Short names of attributes, as `openssl req -subj` takes them (RFC 4514, section 3, and RFC 2985 for e-mail). */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

/** The subject of `likenessOf` as text, for those who make a request by other means. Throws as it does. */
export function subjectPartsOf(like: string, commonName: string): readonly SubjectPart[] {
  return likenessOf(like, commonName).subject.typesAndValues.map(({ type, value }) => {
    const text: unknown = value.valueBlock.value;
    return [SHORT_NAMES[type] ?? type, typeof text === 'string' ? text : ''];
  });
}

/** A name with another common name, all else as it was: `pkijs` would put all attributes into one set. */
function renamed(
  { typesAndValues, valueBeforeDecode }: RelativeDistinguishedNames,
  plain: RelativeDistinguishedNames,
): RelativeDistinguishedNames {
  const [named] = plain.typesAndValues;
  const sets = elementsOf(fromBER(valueBeforeDecode).result).map((set) => {
    const attributes = elementsOf(set).map((schema) => new AttributeTypeAndValue({ schema }));
    return attributes.map((one) => (one.type === COMMON_NAME && named !== undefined ? named : one));
  });
  const isNamed = typesAndValues.some(({ type }) => type === COMMON_NAME);
  const all = isNamed ? sets : [...sets, plain.typesAndValues];
  const value = all.map((set) => new AsnSet({ value: set.map((one) => one.toSchema()) }));
  return new RelativeDistinguishedNames({
    typesAndValues: all.flat(),
    valueBeforeDecode: new Sequence({ value }).toBER(),
  });
}

function elementsOf(block: unknown): readonly AsnType[] {
  return block instanceof Sequence || block instanceof AsnSet ? block.valueBlock.value : [];
}

/** The common name in a name of a certificate or a request, where there is one. */
export function commonNameOf({ typesAndValues }: RelativeDistinguishedNames): string | undefined {
  const value: unknown = typesAndValues.find(({ type }) => type === COMMON_NAME)?.value.valueBlock.value;
  return typeof value === 'string' ? value : undefined;
}
