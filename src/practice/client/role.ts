import { envFileOf, sendSteadily } from '../traffic/steady.ts';
import { readClientConfig } from './config.ts';
import { keyringDialect } from './dialect.ts';
import { handshake } from './handshake.ts';

/**
 * Role `client`: signs business requests at a steady rate, through the balancer, with the secret and the certificates that
 * its files held when it started.
 */
export function runClient(args: readonly string[]): void {
  const config = readClientConfig(envFileOf(args));
  sendSteadily(config, keyringDialect(config), {
    handshake: async (address) => ({ ...(await handshake(config.tls, address)) }),
  });
}
