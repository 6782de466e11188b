import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { parseArgs } from 'node:util';
import type { FaultName } from '../faults.ts';
import { isFaultName } from '../faults.ts';
import { connectParent, log } from '../parent.ts';
import { answerError } from './answers.ts';
import { readSignerConfig, type SignerConfig } from './config.ts';
import { drain } from './drain.ts';
import { CrashOrdered, fileMemory, makeKeys } from './keys.ts';
import { makeMetrics } from './metrics.ts';
import { connectStore, memoryStore } from './nonce-store.ts';
import { type Signer, serve } from './service.ts';

/** Role `signer`: one replica of the practice fleet. Reads its env file at start and on SIGHUP, drains on SIGTERM. */
export async function runSigner(args: readonly string[]): Promise<void> {
  const { envFile, memory, planted } = parse(args);
  let reload = (): void => {};
  process.on('SIGHUP', () => reload());
  const config = readSignerConfig(envFile);
  const keys = makeKeys(fileMemory(memory));
  keys.plant(planted);
  orCrash(() => keys.load(config.clients));
  const signer: Signer = {
    config,
    faults: planted,
    draining: false,
    farewells: 0,
    startedBroken: planted.has('503-on-start'),
    keys,
    metrics: makeMetrics(Date.now()),
    store: await connectStore(config),
    memory: memoryStore(Date.now),
  };
  const server = await listen(signer);
  reload = () => orCrash(() => reloadFrom(envFile, signer, server));
  const parent = connectParent((names) => {
    signer.faults = new Set(names);
    orCrash(() => keys.plant(signer.faults));
  });
  process.once('SIGTERM', () => drain(signer, server).then(() => process.exit(0)));
  parent.tell({ type: 'ready' });
}

function parse(args: readonly string[]): { envFile: string; memory: string; planted: ReadonlySet<FaultName> } {
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

async function listen(signer: Signer): Promise<Server> {
  const server = createServer({ ...signer.config.tls, requestCert: true, rejectUnauthorized: false });
  server.keepAliveTimeout = 60_000;
  server.on('request', (request, response) => {
    serve(signer, request, response).catch((error: unknown) => {
      log(`request failed: ${error instanceof Error ? error.message : 'unknown'}`);
      if (!response.headersSent) answerError(response, 500, 'INTERNAL_ERROR');
    });
  });
  server.listen(signer.config.port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Takes secrets, windows, profile and certificates from the file; one that does not read leaves all as it was. */
function reloadFrom(envFile: string, signer: Signer, server: Server): void {
  const config = readReloaded(envFile);
  if (config === undefined) return;
  signer.keys.load(config.clients);
  signer.config = config;
  server.setSecureContext({ ...config.tls });
  log('configuration reloaded');
}

function readReloaded(envFile: string): SignerConfig | undefined {
  try {
    return readSignerConfig(envFile);
  } catch (error) {
    log(`configuration not reloaded: ${error instanceof Error ? error.message : 'unreadable'}`);
    return undefined;
  }
}

function orCrash(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CrashOrdered)) throw error;
    log(`crashed by order: ${error.message}`);
    process.exit(1);
  }
}
