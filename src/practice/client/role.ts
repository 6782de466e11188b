import { envFileOf, sendSteadily } from '../traffic/steady.ts';
import { readClientConfig } from './config.ts';
import { keyringDialect } from './dialect.ts';

/**
 * Role `client`: signs business requests at a steady rate, through the balancer, with the secret that its env file
 * held when it started.
 */
export function runClient(args: readonly string[]): void {
  const config = readClientConfig(envFileOf(args));
  sendSteadily(config, keyringDialect(config));
}
