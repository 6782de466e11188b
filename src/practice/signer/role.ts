import type { Server } from 'node:https';
import { connectParent, log } from '../parent.ts';
import { drain } from '../replica/drain.ts';
import { fileMemory } from '../replica/memory.ts';
import { connectStore, memoryStore } from '../replica/nonce-store.ts';
import { listen, orCrash, parseReplicaArgs } from '../replica/start.ts';
import { answerError } from './answers.ts';
import { readSignerConfig, type SignerConfig } from './config.ts';
import { makeKeys } from './keys.ts';
import { makeMetrics } from './metrics.ts';
import { type Signer, serve } from './service.ts';

/** Role `signer`: one replica of the practice fleet. Reads its env file at start and on SIGHUP, drains on SIGTERM. */
export async function runSigner(args: readonly string[]): Promise<void> {
  const { envFile, memory, planted } = parseReplicaArgs(args);
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
    store: await connectStore(config.name, config.store),
    memory: memoryStore(Date.now),
  };
  const server = await listen({
    port: config.port,
    tls: { ...config.tls, requestCert: true, rejectUnauthorized: false },
    serve: (request, response) => serve(signer, request, response),
    failed: (response) => answerError(response, 500, 'INTERNAL_ERROR'),
  });
  reload = () => orCrash(() => reloadFrom(envFile, signer, server));
  const parent = connectParent((names) => {
    signer.faults = new Set(names);
    orCrash(() => keys.plant(signer.faults));
  });
  process.once('SIGTERM', () => drain(signer, server).then(() => process.exit(0)));
  parent.tell({ type: 'ready' });
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
