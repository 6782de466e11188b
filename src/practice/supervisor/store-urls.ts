import type { Protocol } from '../kinds.ts';
import type { Layout } from '../layout.ts';

/** What the keys of nonces begin with. */
export const NONCE_PREFIX: Readonly<Record<Protocol, string>> = {
  'keyring-v1': 'keyring:nonce:',
  'gate-v1': 'gate:nonce:',
};

/** The name under which the Sentinel knows the primary. */
export const PRIMARY = 'practice';

/** Addresses of the store, as a replica's env file has them. */
export function storeUrls({ storeForm, storePort, storePorts }: Layout): string {
  switch (storeForm) {
    case 'single':
      return `redis://127.0.0.1:${storePort}`;
    case 'sentinel':
      return `redis+sentinel://127.0.0.1:${storePorts[2]}/${PRIMARY}`;
    case 'cluster':
      return storePorts
        .slice(0, 3)
        .map((port) => `redis+cluster://127.0.0.1:${port}`)
        .join(',');
  }
}
