import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import { parseArgs } from 'node:util';
import { type FaultName, isFaultName } from '../faults.ts';
import { log } from '../parent.ts';
import { CrashOrdered } from './memory.ts';

/** What a replica is started with. */
export interface ReplicaArgs {
  readonly envFile: string;
  /** Folder of what its faults remember. */
  readonly memory: string;
  readonly planted: ReadonlySet<FaultName>;
}

/** How a replica is reached, and what answers. */
export interface Listening {
  readonly port: number;
  readonly tls: ServerOptions;
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Answers 500; nothing of the answer is out yet. */
  failed(response: ServerResponse): void;
}

/** Reads a replica's command line. */
export function parseReplicaArgs(args: readonly string[]): ReplicaArgs {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'env-file': { type: 'string', default: '' },
      memory: { type: 'string', default: '' },
      faults: { type: 'string', default: '' },
    },
  });
  return {
    envFile: values['env-file'],
    memory: values.memory,
    planted: new Set(values.faults.split(',').filter(isFaultName)),
  };
}

/** Listens on the loopback; resolves when connections are taken. */
export async function listen({ port, tls, serve, failed }: Listening): Promise<Server> {
  const server = createServer(tls);
  server.keepAliveTimeout = 60_000;
  server.on('request', (request, response) => {
    serve(request, response).catch((error: unknown) => {
      log(`request failed: ${error instanceof Error ? error.message : 'unknown'}`);
      if (!response.headersSent) failed(response);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Does something that the fault `crash-mid-roll` may forbid: then the process ends with 1. */
export function orCrash<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CrashOrdered)) throw error;
    log(`crashed by order: ${error.message}`);
    process.exit(1);
  }
}
