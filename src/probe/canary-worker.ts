/**
 * The canary's thread: an entry of its own, as `main.ts` is for the command. It joins the load to the real clock,
 * network and randomness of this thread, so that what the main thread is busy with never delays a request.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { Secret } from '../credential/secret.ts';
import type { CanaryCounts } from './canary-counts.ts';
import { CanaryLoad } from './canary-load.ts';
import { DistantHolders, type MacMade } from './canary-macs.ts';
import type { CanaryAsk, CanaryCall, CanarySetup, CanaryWord, SentIdentity, SentSecrets } from './canary-messages.ts';
import { type CanaryContext, openWire, secureContext } from './canary-wire.ts';
import { KeyIds } from './key-ids.ts';
import type { Clock } from './ports.ts';

/** How often the main thread is told, at most. */
const NOTICE_MS = 250;

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};

interface Running {
  readonly load: CanaryLoad;
  present(call: Extract<CanaryAsk, { ask: 'certificates' }>): Promise<void>;
  close(): void;
}

function serve(port: MessagePort): void {
  let running: Running | undefined;
  const holders = new DistantHolders(port);
  const say = (word: CanaryWord): void => port.postMessage(word);
  const answer = async (call: CanaryAsk): Promise<CanaryCounts | undefined> => {
    if (call.ask === 'set-up') {
      running = start(call.setup, say);
      return undefined;
    }
    if (running === undefined) throw new Error('the canary was not set up');
    return obey(running, call, holders);
  };
  port.on('message', (call: CanaryCall | MacMade) => {
    if ('made' in call) return holders.take(call);
    answer(call).then(
      (counts) => {
        say({ say: 'reply', id: call.id, counts });
        if (call.ask === 'stop') port.close();
      },
      (error: unknown) =>
        say({ say: 'failed', id: call.id, reason: error instanceof Error ? error.message : String(error) }),
    );
  });
}

async function obey(
  running: Running,
  call: Exclude<CanaryAsk, { ask: 'set-up' }>,
  holders: DistantHolders,
): Promise<CanaryCounts | undefined> {
  const { load } = running;
  switch (call.ask) {
    case 'secrets':
      await load.setSecrets(wrap(call.secrets, holders), new KeyIds(call.keyIds));
      return undefined;
    case 'certificates':
      await running.present(call);
      return undefined;
    case 'snapshot':
      return load.snapshot();
    case 'mark':
      return load.mark(call.label);
    case 'stop': {
      const counts = await load.stop();
      running.close();
      return counts;
    }
  }
}

function start(setup: CanarySetup, say: (word: CanaryWord) => void): Running {
  const secure = setup.routes.some((route) => new URL(route.url).protocol === 'https:');
  const first = [{ name: FIRST, context: secure ? secureContext(setup.tls) : undefined }];
  const wires = new Map(
    setup.routes.map((route) => [route.name, openWire(route, first, setup.limits, clock.monotonic)]),
  );
  let told = Number.NEGATIVE_INFINITY;
  let harmed = false;
  const notice = (): void => {
    if (load.harm !== undefined && !harmed) {
      harmed = true;
      say({ say: 'harmed', harm: load.harm });
    }
    if (!setup.notify || clock.monotonic() - told < NOTICE_MS) return;
    told = clock.monotonic();
    say({ say: 'changed', counts: load.snapshot() });
  };
  const load = new CanaryLoad(
    setup.plan,
    {
      clock,
      nonce: () => randomBytes(16).toString('hex'),
      send: (route, request, certificate) => {
        const wire = wires.get(route);
        if (wire === undefined) throw new Error(`no route ${route}`);
        return wire.send(request, certificate);
      },
    },
    notice,
  );
  let ca = setup.tls.ca;
  const present: Running['present'] = async ({ identities, shown, trust = ca }) => {
    const contexts = contextsOf(identities, trust);
    ca = trust;
    const names = contexts.map(({ name }) => name);
    const named = new Map(shown);
    for (const wire of wires.values()) wire.add(contexts);
    await load.setCertificates(
      new Map(setup.plan.clients.map((client) => [client, orNone(named.get(client))] as const)),
    );
    await Promise.all([...wires.values()].map((wire) => wire.keep(names)));
  };
  return { load, present, close: () => wires.forEach((wire) => void wire.close()) };
}

/** The context of the files that the traffic begins with; no identity has this name. */
const FIRST = '';
const NO_CERTIFICATE = 'none';

/** Throws when a chain and a key do not fit; then nothing has changed. */
function contextsOf(identities: readonly SentIdentity[], ca: string): CanaryContext[] {
  const contexts = identities.map(({ name, chain, key }) => {
    const context = secureContext({ ca, cert: chain, key: Buffer.from(key) });
    key.fill(0);
    return { name, context };
  });
  return [...contexts, { name: NO_CERTIFICATE, context: secureContext({ ca }) }];
}

function orNone(names: readonly string[] = []): readonly string[] {
  return names.length === 0 ? [NO_CERTIFICATE] : names;
}

function wrap(secrets: SentSecrets, holders: DistantHolders): Map<string, Secret[]> {
  return new Map(
    secrets.map(([client, list]) => [
      client,
      list.map((bytes) => {
        if (typeof bytes === 'string') return Secret.heldBy(holders.holderOf(bytes), bytes);
        const secret = Secret.fromBytes(bytes);
        bytes.fill(0);
        return secret;
      }),
    ]),
  );
}

if (parentPort !== null) serve(parentPort);
