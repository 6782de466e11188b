import { readFileSync } from 'node:fs';
import { availableParallelism, hostname, userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Platform } from '../cli/platform.ts';
import type { TlsFiles } from '../fleet/fleet.ts';
import type { StoreSource } from '../fleet/store.ts';
import type { StorePasswords } from '../probe/store-view.ts';
import { systemClock } from './clock.ts';
import type { TlsMaterial } from './identities.ts';
import { pooledRandom } from './random.ts';
import { outputOf } from './streams.ts';

/** Longest time until an inherited descriptor has come to its end. */
const DESCRIPTOR_MS = 10_000;

/** Everything of a `Platform` that needs no other room's code; the rest is added by `main.ts`. */
export type SystemPlatform = Omit<Platform, 'openLedger' | 'lock'>;

/**
 * The real platform. What costs time to load is loaded when it is first called.
 *
 * @param root the folder that the program is installed in, with a slash at its end
 * @param built the folder of the built programs, with a slash at its end
 */
export function systemPlatform(root: URL, built: URL, interrupted: AbortSignal): SystemPlatform {
  return {
    env: process.env,
    cwd: process.cwd(),
    version: versionOf(root),
    get operator() {
      return { user: userName(), host: hostname() };
    },
    ask: async (question) => (await import('./terminal.ts')).ask(question, interrupted),
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    clock: systemClock,
    random: pooledRandom(),
    interrupted,
    shipped: { runbooks: fileURLToPath(new URL('runbooks', root)), spec: fileURLToPath(new URL('spec', root)) },
    canaryWorker: new URL('canary-worker.js', built),
    readText: async (path) => (await import('./read-files.ts')).readTextFile(path),
    exists: async (path) => (await import('./reports.ts')).exists(path),
    writeReport: async (path, content) => (await import('./reports.ts')).writeReport(path, content),
    moveAside: async (folder) => (await import('./reports.ts')).moveAside(folder),
    privateFiles: async () => (await import('./vault-files.ts')).vaultFiles(),
    certificateStore: async () => (await import('./certificate-store.ts')).certificateStore(),
    publicRoots: async () => (await import('./public-roots.ts')).publicRoots(),
    commands: async (redact) => (await import('./commands.ts')).createCommands(redact),
    async ansible(commands, redact) {
      const playbook = fileURLToPath(new URL('runbooks/ansible/rotctl.yml', root));
      return (await import('./ansible.ts')).ansibleRuns({ commands, playbook, redact });
    },
    secretCommands: async (redact, cwd) => (await import('./secret-commands.ts')).createSecretCommands(redact, cwd),
    readDescriptor: async (fd) => (await import('./descriptor.ts')).readDescriptor(fd, DESCRIPTOR_MS),
    localAddress: async (url) => (await import('./local-address.ts')).localAddress(url),
    transport,
    handshakes,
    keptConnections,
    trustListener,
    addressesOf: (server, deadlineMs) => async (host) =>
      (await import('./addresses.ts')).resolverAt(server, deadlineMs)(host),
    listing: async (argv, options) => (await import('./listing.ts')).listing(argv, options),
    store,
    logFiles: async () => (await import('./log-files.ts')).logFiles,
    lineCommands: async (cwd) => (await import('./line-commands.ts')).createLineCommands(cwd),
    ledgerDisk: async () => (await import('./ledger-disk.ts')).ledgerDisk(),
    async *secretPlaces(folders, privateFolders) {
      yield* (await import('./secret-places.ts')).secretPlaces(folders, privateFolders);
    },
    startPractice: async (options) =>
      (await import('./practice.ts')).startPractice(fileURLToPath(new URL('practice.js', built)), options),
    attachPractice: async (home) => (await import('./practice.ts')).attachPractice(home),
    get cores() {
      return availableParallelism();
    },
    runDrill: async (order, stop) =>
      (await import('./drill-process.ts')).runDrill(fileURLToPath(new URL('main.js', built)), order, stop),
  };
}

async function transport(tls: TlsFiles): ReturnType<Platform['transport']> {
  const { createTransport } = await import('./transport.ts');
  return createTransport(await materialOf(tls));
}

async function handshakes(tls: TlsFiles): ReturnType<Platform['handshakes']> {
  const { createHandshakes } = await import('./handshake.ts');
  return createHandshakes(await materialOf(tls));
}

async function keptConnections(ca: string): ReturnType<Platform['keptConnections']> {
  const { createKeptConnections } = await import('./kept-connections.ts');
  return createKeptConnections({ ca });
}

async function trustListener(): ReturnType<Platform['trustListener']> {
  return (await import('./trust-listener.ts')).listenForTrust;
}

async function materialOf(tls: TlsFiles): Promise<TlsMaterial | undefined> {
  const [{ readTextFile }, { privateFiles }] = await Promise.all([
    import('./read-files.ts'),
    import('./private-files.ts'),
  ]);
  const optional = async (path: string | undefined, read: (path: string) => Promise<string>) =>
    path === undefined ? undefined : read(path);
  if (tls.ca === undefined) return undefined;
  return {
    ca: await readTextFile(tls.ca),
    cert: await optional(tls.cert, readTextFile),
    key: await optional(tls.key, privateFiles().read),
  };
}

async function store(source: StoreSource, passwords: StorePasswords): ReturnType<Platform['store']> {
  const [{ createStoreView }, { readTextFile }, { privateFiles }] = await Promise.all([
    import('./redis-store.ts'),
    import('./read-files.ts'),
    import('./private-files.ts'),
  ]);
  const { ca, cert, key } = source.tls ?? {};
  return createStoreView(source, {
    passwords,
    ca: ca === undefined ? undefined : await readTextFile(ca),
    cert: cert === undefined ? undefined : await readTextFile(cert),
    key: key === undefined ? undefined : await privateFiles().read(key),
  });
}

function versionOf(root: URL): string {
  const text: unknown = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  return typeof text === 'object' && text !== null && 'version' in text ? String(text.version) : 'unknown';
}

/** The login name; the number where there is no such account. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
