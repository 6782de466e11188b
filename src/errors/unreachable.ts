import { RotctlError } from './rotctl-error.ts';

/** The `default` of a `switch` over a closed union: a type error when a member is missing, a bug when reached. */
export function unreachable(value: never): never {
  throw new RotctlError('INTERNAL', `a case was not handled: ${JSON.stringify(value)}`);
}
