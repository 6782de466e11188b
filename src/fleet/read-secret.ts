import { forClient } from '../credential/placeholder.ts';
import type { SecretReference } from '../credential/reference.ts';
import type { SignerCommand } from '../credential/signer.ts';
import type { ReferenceInput, SignerInput } from './secret-schema.ts';

/** A reference as it was written, with paths resolved and the client's id in its places. @param variable where a `dotenv` names none */
export function referenceOf(
  input: ReferenceInput,
  id: string,
  { absolute, variable }: { absolute(path: string): string; readonly variable: string },
): SecretReference {
  switch (input.from) {
    case 'file':
      return { from: 'file', path: absolute(input.path) };
    case 'dotenv': {
      const place = {
        from: 'dotenv',
        path: absolute(input.path),
        variable: forClient(input.variable ?? variable, id),
      } as const;
      return input.pointer === undefined ? place : { ...place, pointer: forClient(input.pointer, id) };
    }
    case 'json':
      return { from: 'json', path: absolute(input.path), pointer: forClient(input.pointer, id) };
    case 'command':
      return {
        from: 'command',
        command: input.command.map((argument) => forClient(argument, id)),
        deadlineMs: input.deadline,
        pass: input.env,
      };
    case 'env':
    case 'fd':
    case 'sealed':
      return input;
  }
}

/** A signer as it was written. */
export function signerOf({
  command,
  encoding,
  mode,
  env,
  deadline,
  atOnce,
  keyIds,
  create,
}: SignerInput): SignerCommand {
  return { command, encoding, mode, deadlineMs: deadline, atOnce, pass: env, keyIds, create };
}
