import type { SentPart, SignatureScheme } from '../protocol/described/scheme.ts';
import { has, type PlaceholderName, placeholdersIn } from '../protocol/described/template.ts';
import { signatureScheme, tells, weaknessesIn } from './read-scheme.ts';
import type { Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';
import type { SchemeInput } from './scheme-schema.ts';

/** The check that stands for what a scheme lets through by its own design. */
const SOUND = 'scheme.sound';

/** A fleet that describes its own scheme: what the scheme, and what goes with it, must say. */
export function checkScheme(fleet: FleetInput, refuse: Refuse): void {
  const { scheme: input } = fleet;
  if (input === undefined) {
    const least =
      '{ signs: "{timestamp}.{body}", headers: { x-signature: "{signature}", x-timestamp: "{timestamp}" }, timestamp: seconds }';
    refuse(['protocol'], `described needs a scheme beside it: scheme: ${least}`);
    return;
  }
  const scheme = signatureScheme(input);
  checkParts(input, scheme, refuse);
  checkSent(scheme, refuse);
  checkFields(fleet, scheme, refuse);
  checkOutcomes(fleet, scheme, refuse);
  checkInert(fleet, refuse);
  checkAtRest(fleet, scheme, refuse);
  if (fleet.probe.path === undefined) {
    refuse(['probe'], 'needs a path for protocol described: a route of your service that demands a signature');
  }
  if (fleet.accepts.some(({ check }) => check === SOUND)) return;
  for (const { message, within } of weaknessesIn(scheme, fleet.clients)) {
    const way = `if that is how it is, say so: accepts: [{ check: ${SOUND}, reason: …, owner: … }]`;
    refuse(['scheme', 'signs'], `${message}; ${way}`, within);
  }
}

function templates({ signs, headers, fields }: SignatureScheme) {
  return [signs, ...[...headers, ...fields].map(({ template }) => template)];
}

/** What a placeholder stands for must be said, and what is said must be used. */
function checkParts(input: SchemeInput, scheme: SignatureScheme, refuse: Refuse): void {
  const uses = (name: PlaceholderName): boolean => templates(scheme).some((template) => has(template, name));
  if (uses('timestamp') && scheme.timestamp === undefined)
    refuse(['scheme'], 'needs timestamp: seconds, milliseconds or iso8601, because {timestamp} is used');
  if (!uses('timestamp') && scheme.timestamp !== undefined)
    refuse(
      ['scheme', 'timestamp'],
      'is given, and {timestamp} stands nowhere; leave it out, or write where it travels',
    );
  if (input.singleUse === true && !has(scheme.signs, 'nonce'))
    refuse(
      ['scheme', 'singleUse'],
      'needs {nonce} (or {id}) in signs: without it nothing tells one request from the next',
    );
  const inSecret = input.secret.form.includes('{keyId}');
  const digits = input.keyIdDigits !== undefined;
  if (uses('keyId') && inSecret === digits) {
    refuse(
      ['scheme'],
      '{keyId} needs to come from somewhere: either secret.form with {keyId} in it, or keyIdDigits; a key id that names the client is {client}',
    );
  }
  if (!uses('keyId') && digits) refuse(['scheme', 'keyIdDigits'], 'is given, and {keyId} stands nowhere');
}

/** What is signed and changes from request to request must travel, or nobody can verify it; and one signature must. */
function checkSent(scheme: SignatureScheme, refuse: Refuse): void {
  const { headers, fields, signs } = scheme;
  const sent = [...headers, ...fields].flatMap(({ template }) => placeholdersIn(template));
  const signatures = sent.filter(({ name }) => name === 'signature');
  if (signatures.length !== 1)
    refuse(
      ['scheme', 'headers'],
      `must have {signature} once, in one header or field; it stands in ${signatures.length} places`,
    );
  for (const piece of placeholdersIn(signs)) {
    const travels = (['timestamp', 'nonce', 'keyId', 'client'] as const).find((name) => name === piece.name);
    if (travels !== undefined && !sent.some(({ name }) => name === travels))
      refuse(['scheme', 'signs'], `${piece.written} is signed, and no header or field carries it`, piece.written);
    if (piece.name === 'header' && !isSent(headers, piece.of))
      refuse(['scheme', 'signs'], `${piece.written} is signed, and headers has no ${piece.of}`, piece.written);
  }
  const within = sent.find(({ name }) => name === 'signature')?.written;
  if (scheme.between !== undefined && !headers.some(({ template }) => has(template, 'signature')))
    refuse(['scheme', 'between'], 'is for a signature that travels in a header', within);
}

/** Headers that a probe bears in any case. */
const GIVEN = ['content-type', 'accept'];

function isSent(headers: readonly SentPart[], name: string | undefined): boolean {
  return GIVEN.includes(name ?? '') || headers.some((header) => header.name === name);
}

/** Fields are added to the probe's body, which must be an object then, and cannot be signed with the signature in it. */
function checkFields({ probe }: FleetInput, { signs, fields }: SignatureScheme, refuse: Refuse): void {
  const named = placeholdersIn(signs).filter(({ name }) => name === 'field');
  if (fields.length === 0 && named.length === 0) return;
  const body = objectIn(probe.body ?? '{}');
  if (body === undefined) {
    refuse(['probe', 'body'], 'must be a JSON object, because the scheme names fields of it');
    return;
  }
  for (const { name } of fields) {
    if (Object.hasOwn(body, name)) refuse(['scheme', 'fields', name], 'is a field of probe.body too');
  }
  for (const { of = '', written } of named) {
    if (Object.hasOwn(body, of) || fields.some(({ name, template }) => name === of && !has(template, 'signature')))
      continue;
    refuse(['scheme', 'signs'], `${written} is signed, and neither probe.body nor fields has ${of}`, written);
  }
  const whole = placeholdersIn(signs).find(({ name }) => name === 'body' || name === 'bodyDigest');
  if (whole === undefined || !fields.some(({ template }) => has(template, 'signature'))) return;
  refuse(
    ['scheme', 'signs'],
    `${whole.written} cannot be signed where the signature is a field of the body; sign its fields: {field:NAME}`,
    whole.written,
  );
}

function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing is known of a described service's answers: what is not ruled is never accepted and never refused. */
function checkOutcomes({ outcomes }: FleetInput, scheme: SignatureScheme, refuse: Refuse): void {
  const need = (code: Parameters<typeof tells>[1], what: string, rule: string): void => {
    if (tells(outcomes, code)) return;
    refuse(['outcomes'], `needs a rule for ${code}, ${what}, such as { when: ${rule}, outcome: ${code} }`);
  };
  need('ACCEPTED', 'what your service answers once it has found a signature right', '{ status: 200 }');
  need('AUTH_INVALID_HMAC', 'what it answers to a wrong signature', '{ status: 401, body: invalid signature }');
  if (!scheme.singleUse) return;
  const instead = 'where your service does not tell a repeated request apart, say scheme.singleUse: false';
  need('REPLAY_NONCE_USED', `what it answers to a nonce or id that was used (${instead})`, '{ status: 409 }');
}

/** An accepted probe whose answer is below 400 stops all probing, unless the file says that the service then did nothing. */
function checkInert({ outcomes, probe }: FleetInput, refuse: Refuse): void {
  for (const { when, outcome } of outcomes) {
    const { status } = when;
    if (outcome !== 'ACCEPTED' || (status ?? 0) >= 400) continue;
    if (probe.inert.some((one) => one.status === undefined || one.status === status)) continue;
    const example = `inert: [{ status: ${status ?? 200} }]`;
    const why =
      'if what your service answers to an accepted probe means that it did nothing; make it so, or all probing stops at the first';
    refuse(['probe'], `needs ${example}, ${why}`);
    return;
  }
}

/** Without a timestamp nothing bounds how long a signed request may travel but what its client says. */
function checkAtRest({ clients }: FleetInput, { timestamp }: SignatureScheme, refuse: Refuse): void {
  if (timestamp !== undefined) return;
  for (const [index, { atRest }] of clients.entries()) {
    if (atRest !== undefined) continue;
    const why =
      'the longest time between signing a request and its last arrival, because the scheme has no timestamp that would end it';
    refuse(['clients', index], `needs atRest, ${why}`);
  }
}
