import { parseArgs } from 'node:util';

/** The balancer's settings. */
export interface BalancerSettings {
  readonly port: number;
  /** Ports of the replicas on the loopback. */
  readonly backends: readonly number[];
  /** The name that every replica's certificate bears. */
  readonly serverName: string;
}

/** Reads the balancer's command line. */
export function parseBalancerArgs(args: readonly string[]): BalancerSettings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '' },
      backend: { type: 'string', multiple: true, default: [] },
      'server-name': { type: 'string', default: '' },
    },
  });
  return {
    port: Number(values.port),
    backends: values.backend.map(Number),
    serverName: values['server-name'],
  };
}
