import * as z from 'zod';
import { commands, needsCommand, path, pointer } from './deploy-fields.ts';
import { defaultPointer, idPointer } from './second-id-schema.ts';

const place = {
  driver: z
    .literal('json-file')
    .describe('json-file: secrets stand in a JSON file; everything else in it stays as it is, byte for byte.'),
  path: path.describe(
    'JSON file that the process reads its secrets from; relative to this file. It is replaced atomically with mode 0600.',
  ),
};

const accepted = {
  ...place,
  pointer: pointer.describe(
    'JSON pointer (RFC 6901) to the accepted secrets, with {client} for the client id. In {"clients":{"client-a":{"secrets":["..."]}}} it is /clients/{client}/secrets. There stands an array of texts, or one text, which cannot accept old and new at once.',
  ),
  defaultClient: defaultPointer,
};

const signing = {
  ...place,
  pointer: pointer.describe(
    'JSON pointer (RFC 6901) to the secret that the client signs with: a text, or an array of one text. In {"signing":{"secret":"..."}} it is /signing/secret.',
  ),
  idPointer,
};

/** `deploy` of a replica with driver `json-file`. */
export const replica = z.strictObject({ ...accepted, ...commands }).superRefine(needsCommand);

/** `deploy` of a template with driver `json-file`. */
export const template = z.strictObject(accepted);

/** `deploy` of a client with driver `json-file`. */
export const client = z.strictObject({ ...signing, ...commands }).superRefine(needsCommand);
