import { webcrypto } from 'node:crypto';
import { CryptoEngine, type ICryptoEngine } from 'pkijs';

let made: ICryptoEngine | undefined;

/** What `pkijs` computes with: the runtime's own cryptography. */
export function engine(): ICryptoEngine {
  made ??= new CryptoEngine({ name: 'node', crypto: webcrypto, subtle: webcrypto.subtle });
  return made;
}
