import type { SecretForm } from '../credential/secret-form.ts';
import { HASH_BYTES, type KeyIdSource, type SentPart, type SignatureScheme } from '../protocol/described/scheme.ts';
import { has, type PlaceholderName, type Template } from '../protocol/described/template.ts';
import { type Weakness, weaknessesOf } from '../protocol/described/weaknesses.ts';
import type { OutcomeCode } from '../protocol/outcome.ts';
import type { DescribedScheme } from './fleet.ts';
import type { FleetInput } from './schema.ts';
import type { SchemeInput } from './scheme-schema.ts';

type Outcomes = readonly { readonly outcome: OutcomeCode }[];

/** A fleet's own scheme as its file describes it; the rules in `scheme-rules.ts` have seen to it that it is whole. */
export function describedScheme({ clients, outcomes }: FleetInput, input: SchemeInput): DescribedScheme {
  const scheme = signatureScheme(input);
  return {
    ...scheme,
    secret: secretForm(input, scheme),
    weaknesses: weaknessesIn(scheme, clients).map(({ message }) => message),
    tellsTime: tells(outcomes, 'AUTH_TIMESTAMP_SKEW'),
  };
}

/** What a scheme lets through by its own design. */
export function weaknessesIn(scheme: SignatureScheme, clients: FleetInput['clients']): readonly Weakness[] {
  return weaknessesOf(
    scheme,
    clients.map(({ id }) => id),
  );
}

/** Whether some rule gives this outcome. */
export function tells(outcomes: Outcomes, code: OutcomeCode): boolean {
  return outcomes.some(({ outcome }) => outcome === code);
}

/** The scheme alone, with what is left out filled in. */
export function signatureScheme(input: SchemeInput): SignatureScheme {
  const { signs, algorithm, encoding, timestamp, nonce, between } = input;
  const headers = Object.entries(input.headers).map(([name, template]): SentPart => {
    return { name: name.toLowerCase(), template, number: false };
  });
  const fields = Object.entries(input.fields).map(([name, value]): SentPart => {
    return 'number' in value
      ? { name, template: value.number, number: true }
      : { name, template: value, number: false };
  });
  const uses = (name: PlaceholderName): boolean => usedIn([signs, ...[...headers, ...fields].map(templateOf)], name);
  return {
    signs,
    hash: algorithm === 'hmac-sha256' ? 'sha256' : algorithm === 'hmac-sha384' ? 'sha384' : 'sha512',
    encoding,
    headers,
    fields,
    timestamp,
    nonce: uses('nonce') ? nonce : undefined,
    singleUse: input.singleUse ?? has(signs, 'nonce'),
    keyId: uses('keyId') ? keyIdSource(input) : undefined,
    between,
  };
}

/** Whether one of the templates has the placeholder. */
function usedIn(templates: readonly Template[], name: PlaceholderName): boolean {
  return templates.some((template) => has(template, name));
}

function templateOf({ template }: SentPart): Template {
  return template;
}

function keyIdSource({ keyIdDigits }: SchemeInput): KeyIdSource {
  return keyIdDigits === undefined ? { from: 'secret' } : { from: 'sha256', digits: keyIdDigits };
}

function secretForm({ secret: { form, encoding } }: SchemeInput, { hash }: SignatureScheme): SecretForm {
  const { digest, block } = HASH_BYTES[hash];
  const [before = '', after = ''] = form.split('{key}');
  const [start = '', between] = before.split('{keyId}');
  return { text: form, before: start, between, after, encoding, digestBytes: digest, blockBytes: block };
}
