import type { DescribedScheme } from '../../fleet/fleet.ts';
import { has, type PlaceholderName, placeholdersIn } from '../../protocol/described/template.ts';
import type { Need } from './check.ts';

type Described = DescribedScheme | undefined;

/**
 * What a described scheme does not have by its own design, in words that say what is lost with it; `undefined` where it
 * has it, and of every built-in protocol.
 */
export function lackOf(
  scheme: Described,
  need: Extract<Need, 'timestamp' | 'single-use' | 'client-id'>,
): string | undefined {
  if (scheme === undefined) return undefined;
  switch (need) {
    case 'timestamp':
      if (scheme.timestamp !== undefined) return undefined;
      return 'the scheme has no timestamp: a captured request never grows old';
    case 'single-use':
      if (scheme.singleUse) return undefined;
      if (scheme.timestamp === undefined)
        return 'the scheme has neither nonces that are remembered nor a timestamp: a captured request can be sent again at any time';
      return 'nonces are not remembered (scheme.singleUse is false): a captured request can be sent again until its timestamp is too old';
    case 'client-id':
      if (isSent(scheme, 'client')) return undefined;
      return 'requests carry no client id, so that nothing tells the clients apart';
  }
}

/** Whether a request carries this in a header or a field. */
export function isSent({ headers, fields }: DescribedScheme, name: PlaceholderName): boolean {
  return [...headers, ...fields].some(({ template }) => has(template, name));
}

/** Whether the whole body is signed, as it is or by a digest. */
export function signsBody({ signs }: DescribedScheme): boolean {
  return placeholdersIn(signs).some(({ name }) => name === 'body' || name === 'bodyDigest');
}
