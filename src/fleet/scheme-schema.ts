import * as z from 'zod';
import { nearest } from '../document/nearest.ts';
import { isProblem, parseTemplate, type Template, type TemplateUse, WRITABLE } from '../protocol/described/template.ts';

/** Zod type of a template; what is wrong with it is pointed at inside the text. */
function template(use: TemplateUse) {
  return z
    .string()
    .min(1)
    .max(1024)
    .transform((text, context): Template => {
      const parsed = parseTemplate(text, use);
      if (!isProblem(parsed)) return parsed;
      const { message, within } = parsed;
      const near = nearest(within.replace(/[{}]/g, ''), WRITABLE[use]);
      const meant = near === undefined ? `; known are ${list(use)}` : `; did you mean {${near}}`;
      const hint = message.endsWith('is not known') ? meant : '';
      context.addIssue({ code: 'custom', message: `${message}${hint}`, params: { within } });
      return z.NEVER;
    });
}

function list(use: TemplateUse): string {
  return WRITABLE[use].map((name) => `{${name}}`).join(', ');
}

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'must be the name of a header')
  .refine((name) => !FIXED.includes(name.toLowerCase()), 'is a header that rotctl sets itself');

/** Headers that say how the request travels, or who sends it. */
const FIXED = ['host', 'content-length', 'transfer-encoding', 'connection', 'user-agent', 'accept-encoding', 'expect'];

const headers = z
  .record(headerName, template('sent'))
  .describe(
    'The headers of a signed request, each with its value as it travels: webhook-signature: "v1,{signature}", or authorization: \'HMAC {client}:{signature}\'. Placeholders: {signature}, {timestamp}, {nonce} or {id}, {keyId}, {client}, {bodySha256} (hex), {bodySha256Base64}, and the same for 384 and 512. A value without any is sent as it is. {{ and }} are braces.',
  );

const field = z.union([
  template('sent'),
  z.strictObject({ number: template('sent').describe('What the number is: "{timestamp}".') }),
]);

const fields = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/, 'must be the name of a field'), field)
  .prefault({})
  .describe(
    'Parts that travel in the JSON body in place of headers, by the name of their field: sig: "{signature}". A number is written { number: "{timestamp}" }. They are added to the fields of probe.body.',
  );

const secret = z
  .strictObject({
    form: z
      .string()
      .max(128)
      .regex(
        /^[^{}]{0,64}(?:\{keyId\}[^{}]{1,16})?\{key\}[^{}]{0,64}$/,
        'must have {key} in it, and {keyId} with something between the two only where a key id stands there: whsec_{key}, {keyId}:{key}',
      )
      .prefault('{key}')
      .describe(
        'How a secret stands where your services read it: {key}, the key alone; whsec_{key}, the key after a prefix that does not sign; {keyId}:{key}, a key id with it.',
      ),
    encoding: z
      .enum(['utf8', 'hex', 'base64', 'base64url'])
      .prefault('utf8')
      .describe('How the text of the key becomes the bytes that sign: utf8, as it is; or decoded from hex or base64.'),
  })
  .prefault({})
  .describe('How the text of a secret becomes the key that signs.');

const nonce = z
  .strictObject({
    prefix: z
      .string()
      .max(64)
      .regex(/^[!-~]*$/, 'must be printable')
      .prefault('')
      .describe('What each begins with, such as msg_.'),
    form: z.enum(['hex', 'uuid']).prefault('hex').describe('Random hex digits, or a UUID.'),
    digits: z.number().int().min(16).max(128).prefault(32).describe('How many hex digits.'),
  })
  .prefault({})
  .describe('What a fresh {nonce} (or {id}, which is the same) looks like, so that your service takes it.');

/** `scheme` of a fleet whose protocol is `described`. */
export const scheme = z.strictObject({
  signs: template('signed').describe(
    'The string that is signed, with placeholders: {method}, {path} (without a query), {query}, {target} (path and query), {timestamp}, {nonce} or {id}, {keyId}, {client}, {body} (its exact bytes), {bodySha256} (hex), {bodySha256Base64} and the same for 384 and 512, {header:NAME}, {field:NAME} of the JSON body. "{id}.{timestamp}.{body}", or in double quotes with line breaks "{method}\\n{path}\\n{timestamp}\\n{bodySha256}".',
  ),
  algorithm: z
    .enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512'])
    .prefault('hmac-sha256')
    .describe('The HMAC that is taken over it.'),
  encoding: z
    .enum(['hex', 'base64', 'base64url'])
    .prefault('hex')
    .describe(
      'How the HMAC is written where {signature} stands: hex in lower case, base64 with padding, base64url without.',
    ),
  secret,
  headers,
  fields,
  timestamp: z
    .enum(['seconds', 'milliseconds', 'iso8601'])
    .optional()
    .describe(
      'What {timestamp} is: Unix time in seconds or milliseconds, or text such as 2026-01-31T12:00:00.000Z. Without a timestamp a captured request never grows old, and each client needs atRest.',
    ),
  nonce,
  singleUse: z
    .boolean()
    .optional()
    .describe(
      'Whether your service remembers each {nonce} (or {id}) and refuses a second request with it; default true where one is signed. Say false where it does not, as with Standard Webhooks by itself: then a captured request is accepted again until its timestamp is too old, and no replay check applies.',
    ),
  keyIdDigits: z
    .number()
    .int()
    .min(4)
    .max(64)
    .optional()
    .describe(
      'Where {keyId} is made from the key: it is this many of the first hex digits of the SHA-256 of the bytes that sign. Leave it out where the key id stands in the secret ({keyId} in secret.form). A key id that names the client is {client}.',
    ),
  between: z
    .string()
    .min(1)
    .max(8)
    .optional()
    .describe(
      'Where a request may bear several signatures: what stands between them in the header that has {signature}, a space for Standard Webhooks. It is then checked that one right signature among wrong ones is enough.',
    ),
});

/** What the schema of `scheme` gives. */
export type SchemeInput = z.output<typeof scheme>;
