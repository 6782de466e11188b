import { basename, join } from 'node:path';
import { RotctlError } from '../errors/rotctl-error.ts';
import { type Draft, type DraftPlace, draftFleet, isJsonFile } from '../fleet/draft.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import { Answers, type InitFlags, items, words } from './init/answers.ts';
import { type EnvSeen, seeEnvFile, seeJsonFile } from './init/env-seen.ts';
import { seeServer } from './init/server-seen.ts';
import { fleetPath } from './load.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** Prints the JSON schema of `rotctl.yaml`, for editors. */
export async function printSchema(platform: Pick<Platform, 'readText' | 'shipped'>): Promise<CommandEnd> {
  const text = await platform.readText(join(platform.shipped.spec, 'rotctl.schema.json'));
  return { command: 'init', verdict: 'pass', summary: 'the schema of rotctl.yaml', text, result: JSON.parse(text) };
}

/**
 * Writes a commented `rotctl.yaml` for a fleet: what flags say, what env files and one replica show, and what whoever sits
 * at the terminal answers. It asks nothing that it can see. Never replaces a file; with `--dry-run` it prints the text.
 *
 * @throws RotctlError `USAGE` where the file exists, or nobody can be asked; `INPUT_INVALID` for answers that make no fleet
 */
export async function init(platform: Platform, flags: GlobalFlags, given: InitFlags): Promise<CommandEnd> {
  const file = fleetPath(platform, flags);
  if (await platform.exists(file)) {
    throw new RotctlError('USAGE', 'the fleet file exists already', {
      at: { file },
      hint: 'name another with --fleet FILE',
    });
  }
  const { draft, notes } = await gather(platform, new Answers(platform, given), given);
  const text = draftFleet(draft);
  readFleet(text, file);
  const check = `rotctl check${flags.fleet === 'rotctl.yaml' ? '' : ` --fleet ${flags.fleet}`}`;
  const next = `look through ${flags.fleet}, then ${check}`;
  const result = { file, draft: { ...draft }, notes };
  if (flags.dryRun) return { command: 'init', verdict: 'rehearsed', summary: 'nothing was written', text, result };
  await platform.writeReport(file, text);
  const lines = [`wrote ${flags.fleet}`, ...notes.map((note) => `  ${note}`), `next: ${next}`];
  return {
    command: 'init',
    verdict: 'pass',
    summary: `${flags.fleet} is written`,
    next: check,
    text: `${lines.join('\n')}\n`,
    result,
  };
}

async function gather(
  platform: Platform,
  answers: Answers,
  flags: InitFlags,
): Promise<{ readonly draft: Draft; readonly notes: readonly string[] }> {
  const name = await answers.take('name', 'Name of the fleet', basename(platform.cwd).replace(/[^A-Za-z0-9._-]/g, '-'));
  const environment = await answers.take('environment', 'Environment (production, staging, practice)', 'staging');
  const replicas = await replicasOf(answers, flags);
  const envFile = await answers.take(
    'replica-env',
    'Env file of a replica, or JSON file, with {name} for its name (/etc/{name}/signer.env)',
  );
  const balancer = answers.given('balancer');
  const env = await seeEnv(platform, envFile.replaceAll('{name}', replicas[0]?.name ?? ''));
  const clients =
    answers.given('clients') === undefined && env.seen !== undefined && env.seen.clients.length > 0
      ? env.seen.clients
      : items(await answers.take('clients', 'Client ids, as requests carry them'));
  const ca = replicas.some(({ url }) => url.startsWith('https:'))
    ? await answers.take(
        'ca',
        'PEM file of the CAs that sign the certificates of the replicas',
        await found(platform, 'tls/ca.pem', 'ca.pem'),
      )
    : undefined;
  answers.requireAll();
  const server = await seeServer(platform, answers, {
    urls: [...replicas.map(({ url }) => url), ...(balancer === undefined ? [] : [balancer])],
    ca,
    client: clients[0] ?? '',
  });
  const profile = env.seen?.profile ?? server.profile ?? 'keyring-v1';
  const place = profile === 'gate-v1' ? undefined : (env.seen?.place ?? (await askPlace(answers, envFile)));
  const start = profile === 'gate-v1' ? 'gate' : 'signer';
  const restart = await answers.take('restart', 'Command that restarts a replica', 'systemctl restart {name}');
  const reload = answers.given('reload');
  const clientEnvFile = await answers.take(
    'client-env',
    'Env file of a client, or JSON file, with {client} for its id',
    '/etc/{client}/{client}.env',
  );
  const clientVariable =
    profile === 'gate-v1'
      ? ''
      : isJsonFile(clientEnvFile)
        ? await answers.take('client-variable', 'JSON pointer in it to the secret', '/hmacSecret')
        : await answers.take('client-variable', 'Variable in it that holds the secret', 'KEYRING_SECRET');
  const clientRestart = await answers.take(
    'client-restart',
    'Command that restarts a client',
    'systemctl restart {client}',
  );
  answers.requireAll();
  const draft: Draft = {
    ...{ name, environment, profile, envFile, place, clients, clientEnvFile, clientVariable, ca },
    ...{ cert: server.cert, key: server.key, words: server.words, replay: env.seen?.replay },
    replicas: replicas.map((replica, index) => ({ ...replica, serverName: server.serverNames[index] })),
    balancer: balancer === undefined ? undefined : { url: balancer, serverName: server.serverNames[replicas.length] },
    reload: reload === undefined ? undefined : words(reload),
    restart: words(restart),
    clientRestart: words(clientRestart),
  };
  return { draft, notes: [`a ${start} of ${profile}`, env.note, ...server.notes] };
}

async function replicasOf(answers: Answers, { replica }: InitFlags): Promise<Draft['replicas']> {
  const typed =
    replica.length > 0 ? replica : items(await answers.take('replicas', 'Replicas, each NAME=https://ADDRESS:PORT'));
  return typed.map((one, index) => {
    const at = one.indexOf('=');
    return at === -1 ? { name: `replica-${index + 1}`, url: one } : { name: one.slice(0, at), url: one.slice(at + 1) };
  });
}

interface SeenEnv {
  readonly seen: EnvSeen | undefined;
  readonly note: string;
}

/** What the env file of the first replica tells, where it can be read from here. */
async function seeEnv(platform: Platform, path: string): Promise<SeenEnv> {
  const file = path.startsWith('/') ? path : join(platform.cwd, path);
  if (path === '' || !(await platform.exists(file)))
    return { seen: undefined, note: `${path}: not on this machine, so nothing of it was seen` };
  try {
    const text = await (await platform.privateFiles()).read(file);
    const seen = isJsonFile(file) ? seeJsonFile(text) : seeEnvFile(text, file);
    const replay = seen?.replay === undefined ? '' : `, window ${seen.replay.maxAge}, nonces ${seen.replay.nonceTtl}`;
    const what =
      seen?.place === undefined
        ? `${seen?.profile ?? 'nothing that looks like secrets'}${replay}`
        : `${seen.place.variable ?? 'secrets'} at ${seen.place.pointer}`;
    return { seen, note: `${path}: ${what}` };
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    return { seen: undefined, note: `${path}: ${error.message}` };
  }
}

async function askPlace(answers: Answers, path: string): Promise<DraftPlace> {
  if (isJsonFile(path)) {
    const what = 'JSON pointer in it to the accepted secrets, with {client} for the client id';
    return { variable: undefined, format: 'json', pointer: await answers.take('variable', what) };
  }
  const variable = await answers.take('variable', 'Variable in it that lists the secrets ({client} for the client id)');
  const format = await answers.take(
    'format',
    'How they stand there: list, or single where one is all that fits',
    'list',
  );
  return { variable, format: format === 'single' ? 'single' : 'list' };
}

async function found(platform: Platform, ...paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await platform.exists(join(platform.cwd, path))) return path;
  return undefined;
}
