import { Signers } from '../../src/credential/signer.ts';
import type { SecretSources } from '../../src/credential/sources.ts';

const none = async (): Promise<never> => {
  throw new Error('no test gave this source');
};

/** Sources of secrets of which only some are there; asking another fails the test. */
export function onlySources(some: Partial<SecretSources>): SecretSources {
  return {
    read: none,
    variable: () => undefined,
    descriptor: none,
    commands: { ask: none },
    sealed: async () => undefined,
    ...some,
  };
}

/** Signers that no test asks. */
export const noSigners = new Signers({
  ask: none,
  converse: () => {
    throw new Error('no test gave a signer');
  },
});
