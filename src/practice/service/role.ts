import { envFileOf, sendSteadily } from '../traffic/steady.ts';
import { readServiceConfig } from './config.ts';
import { gateDialect } from './dialect.ts';

/** Role `service`: sends signed gate requests at a steady rate, through the balancer, by its env file as it was at start. */
export function runService(args: readonly string[]): void {
  const config = readServiceConfig(envFileOf(args));
  sendSteadily(config, gateDialect(config));
}
