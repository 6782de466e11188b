import * as z from 'zod';
import { parseDocument } from '../document/parse.ts';
import { validate } from '../document/validate.ts';

const text = (limit: number) => z.string().max(limit);
const name = z.string().min(1).max(128);

const expectSchema = z
  .union([
    z.strictObject({ ok: z.literal(true) }),
    z.strictObject({ ok: z.literal(false), errorCode: z.string().regex(/^[A-Z][A-Z0-9_]{1,63}$/) }),
  ])
  .describe('what a conforming signer answers');

const stepSchema = z
  .strictObject({
    clientId: text(256),
    timestamp: z
      .union([z.int(), text(64)])
      .describe('milliseconds, relative to defaults.nowMs; text that is not a number is sent as it is'),
    nonce: text(1024),
    rawBody: text(65_536),
    isMtlsAuthenticated: z.boolean().describe('false: the request is made without a client certificate'),
    signWithSecret: text(1024).optional(),
    overrideSignature: text(1024).optional().describe('sent in place of the signature'),
    method: z
      .string()
      .regex(/^[A-Z]{1,16}$/)
      .optional(),
    path: z
      .string()
      .regex(/^\/\S{0,1023}$/)
      .optional(),
    expect: expectSchema,
  })
  .refine(({ signWithSecret, overrideSignature }) => (signWithSecret ?? overrideSignature) !== undefined, {
    error: 'must have signWithSecret or overrideSignature',
  });

const vectorSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,79}$/),
  description: text(1000),
  clientsById: z.record(name, z.strictObject({ hmacSecrets: z.array(text(1024)).max(16) })),
  steps: z.array(stepSchema).min(1).max(64).describe('in order, against one replay store'),
});

const fileSchema = z
  .strictObject({
    $schema: text(1024).optional(),
    spec: z.literal('signer-auth-v1'),
    version: z.string().regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}$/),
    defaults: z.strictObject({
      method: z.string().regex(/^[A-Z]{1,16}$/),
      path: z.string().regex(/^\/\S{0,1023}$/),
      nowMs: z.int().min(0).describe('the moment to which timestamps are relative, Unix milliseconds'),
      timestampMaxAgeMs: z.int().min(1),
      nonceTtlSeconds: z.number().positive(),
      requireMtls: z.boolean(),
    }),
    vectors: z.array(vectorSchema).min(1).max(500),
  })
  .refine(({ vectors }) => new Set(vectors.map(({ id }) => id)).size === vectors.length, {
    error: 'every vector must have an id of its own',
    path: ['vectors'],
  });

/** A file of conformance vectors, checked whole. */
export type VectorFile = z.output<typeof fileSchema>;
/** One vector: steps that run in order against one store. */
export type Vector = VectorFile['vectors'][number];
/** One request of a vector, and the answer that it must get. */
export type VectorStep = Vector['steps'][number];

/**
 * Reads a file of the format `signer-auth-v1`; unknown keys, duplicate ids and wrong types are errors.
 * Throws `INPUT_SYNTAX`, `INPUT_UNREADABLE` or `INPUT_INVALID` with the position in `file`.
 */
export function readVectors(content: string, file: string): VectorFile {
  return validate(parseDocument(content, file), fileSchema);
}

/** The JSON schema (draft 7) of the format, as it stands in `spec/signer-auth-v1.schema.json`. */
export function vectorJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(fileSchema, { target: 'draft-7' });
  return { $schema, title: 'signer-auth-v1 conformance vectors', ...rest };
}
