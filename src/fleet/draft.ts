import type { OutcomeCode } from '../protocol/outcome.ts';
import type { ProfileName } from './profiles.ts';

/** What is known of a fleet when its first `rotctl.yaml` is written. Paths and commands may hold `{name}` or `{client}`. */
export interface Draft {
  readonly name: string;
  readonly environment: string;
  readonly profile: ProfileName;
  readonly replicas: readonly DraftReplica[];
  readonly balancer: DraftEndpoint | undefined;
  /** Env file of a replica, or JSON file, with `{name}`. */
  readonly envFile: string;
  /** How secrets stand in it; of gates nothing is to be said. */
  readonly place: DraftPlace | undefined;
  readonly reload: readonly string[] | undefined;
  readonly restart: readonly string[] | undefined;
  readonly clients: readonly string[];
  /** As it was seen to be configured; what fleets of this kind often have where it was not. */
  readonly replay: DraftReplay | undefined;
  /**
   * Env file of a client, the variable in it, and the command that restarts the client, with `{client}`; of a JSON file, which
   * ends in `.json`, a pointer in place of the variable.
   */
  readonly clientEnvFile: string;
  readonly clientVariable: string;
  readonly clientRestart: readonly string[];
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** How the service says what it refuses, where it does not use the protocol's codes. */
  readonly words: readonly DraftWords[];
}

/** An address, and the name in the certificate there when it is another. */
export interface DraftEndpoint {
  readonly url: string;
  readonly serverName?: string | undefined;
}

/** A replica by its name. */
export interface DraftReplica extends DraftEndpoint {
  readonly name: string;
}

/** Where the accepted secrets stand in an env file; without a variable, at a pointer in a JSON file. */
export interface DraftPlace {
  readonly variable: string | undefined;
  readonly format: 'list' | 'json' | 'single';
  readonly pointer?: string;
}

/** How long a request is taken, and its nonce remembered: `8s`. */
export interface DraftReplay {
  readonly maxAge: string;
  readonly nonceTtl: string;
}

/** An answer of the service, and what it means. */
export interface DraftWords {
  readonly status: number;
  /** JSON pointer to the words, and the words as they were seen. */
  readonly pointer: string;
  readonly words: string;
  readonly outcome: OutcomeCode;
}

/** Writes a commented `rotctl.yaml`: what is known as it is, and beside it what an operator has to look at. */
export function draftFleet(draft: Draft): string {
  return `${[
    '# yaml-language-server: $schema=./rotctl.schema.json',
    '# What rotctl has to know of your fleet. `rotctl init --print-schema > rotctl.schema.json` gives your editor all settings.',
    'schema: rotctl.fleet.v1',
    `extends: ${draft.profile}${SPACE}# what fleets of this kind have in common; say below what is different in yours`,
    `name: ${text(draft.name)}`,
    `environment: ${draft.environment}${SPACE}# production, staging or practice`,
    '',
    ...replicas(draft),
    ...balancer(draft),
    ...clients(draft),
    ...tls(draft),
    ...replay(draft),
    ...probe(draft),
    ...lockout(draft),
    ...outcomes(draft),
    ...usage(draft),
  ].join('\n')}\n`;
}

const SPACE = '  ';

function text(value: string): string {
  return /^[A-Za-z0-9/][A-Za-z0-9._/:@-]*$/.test(value) && !/:$/.test(value) ? value : JSON.stringify(value);
}

function command(words: readonly string[], name: string, value: string): string {
  return `[${words.map((word) => text(word.replaceAll(name, value))).join(', ')}]`;
}

function replicas(draft: Draft): string[] {
  const { place, reload, restart } = draft;
  const lines = draft.replicas.flatMap(({ name, url, serverName }) => [
    `  - name: ${text(name)}`,
    `    url: ${text(url)}`,
    ...(serverName === undefined ? [] : [`    serverName: ${text(serverName)}`]),
    '    deploy:',
    `      path: ${text(draft.envFile.replaceAll('{name}', name))}`,
    ...(place === undefined ? [] : placeLines(place)),
    ...(reload === undefined ? [] : [`      reload: ${command(reload, '{name}', name)}`]),
    ...(restart === undefined ? [] : [`      restart: ${command(restart, '{name}', name)}`]),
  ]);
  return ['# Every running instance, by its own address, never the balancer’s.', 'replicas:', ...lines];
}

function placeLines({ variable, format, pointer = '' }: DraftPlace): string[] {
  if (variable === undefined) return jsonLines(pointer);
  return [
    `      variable: ${text(variable)}`,
    `      format: ${format}`,
    ...(pointer === '' ? [] : [`      pointer: ${text(pointer)}`]),
  ];
}

function jsonLines(pointer: string): string[] {
  return ['      driver: json-file', `      pointer: ${text(pointer)}`];
}

/** Whether a configuration of this name is read and written as JSON. */
export function isJsonFile(path: string): boolean {
  return path.endsWith('.json');
}

function balancer({ balancer: at }: Draft): string[] {
  if (at === undefined) return ['# balancer: { url: https://ADDRESS:PORT }   # when clients come through one', ''];
  const named = at.serverName === undefined ? '' : `, serverName: ${text(at.serverName)}`;
  return [`balancer: { url: ${JSON.stringify(at.url)}${named} }`, ''];
}

function clients(draft: Draft): string[] {
  const lines = draft.clients.flatMap((id) => [
    `  - id: ${text(id)}`,
    ...(draft.profile === 'gate-v1' ? [`    actor: ${text(id)}${SPACE}# what its requests bear as actor_did`] : []),
    '    deploy:',
    `      path: ${text(draft.clientEnvFile.replaceAll('{client}', id))}`,
    ...signedWith(draft),
    `      restart: ${command(draft.clientRestart, '{client}', id)}`,
    `    cadence: 24h${SPACE}# the longest that it stays silent: rotctl waits that long to see it`,
    `    atRest: 60s${SPACE}# the longest that a signed request waits in a queue or for a retry`,
  ]);
  return ['# Everybody who signs. One that is missing here is not rotated.', 'clients:', ...lines, ''];
}

function signedWith({ profile, clientEnvFile, clientVariable }: Draft): string[] {
  if (profile === 'gate-v1') return [];
  return isJsonFile(clientEnvFile) ? jsonLines(clientVariable) : [`      variable: ${text(clientVariable)}`];
}

function tls({ ca, cert, key, profile }: Draft): string[] {
  if (ca === undefined) return [];
  const own =
    cert === undefined || key === undefined ? '' : `, cert: ${JSON.stringify(cert)}, key: ${JSON.stringify(key)}`;
  return [`tls: { ca: ${JSON.stringify(ca)}${own} }`, ...(own === '' || profile === 'gate-v1' ? [] : ROTATED), ''];
}

const ROTATED = [
  '# To rotate certificates too (rotctl overlap --material mtls), say who issues the next ones, and under each replica and',
  '# client where its own stand; spec/fleet-file.md, "Certificates", has the rest.',
  '# authority: { from: rotctl }',
  '#   certificates: { trust: tls/NAME-trust.pem, cert: tls/NAME.pem, key: tls/NAME.key }',
];

function replay({ profile, replay: seen }: Draft): string[] {
  const names = profile === 'gate-v1' ? ' (SIGNATURE_SKEW_SECONDS, NONCE_TTL_SECONDS)' : '';
  return [
    `# How your service guards against replay, as it is configured${names}; rotctl check measures it.`,
    `replay: { maxAge: ${seen?.maxAge ?? '60s'}, nonceTtl: ${seen?.nonceTtl ?? '130s'}, clockError: 1s, storeTimeout: 5s }`,
    "# store: { nodes: ['redis://ADDRESS:6379'] }   # to look into the nonces' Redis too, with a login that reads",
    '',
  ];
}

function probe({ profile }: Draft): string[] {
  const head = '# What rotctl sends, very often. It has to be signed right, and then do nothing.';
  if (profile === 'gate-v1') {
    return [
      head,
      'probe:',
      `  tool: rotctl.noop${SPACE}# one that the session may ask for, and that policy then denies`,
      `  session: rotctl-probe${SPACE}# one that your gates trust, used by nobody else`,
      `  actor: rotctl${SPACE}# tells rotctl's own requests apart`,
      "  causes: 'denied by policy'",
      '',
    ];
  }
  return [
    head,
    'probe:',
    '  path: /v1/sign/session-transaction',
    `  body: '{"probe":true}'${SPACE}# one that your service refuses after it has found the signature right`,
    "  causes: 'refused by validation, signs nothing'",
    '',
  ];
}

/** Production must say it before anything is sent, and only its operators know. */
function lockout({ environment }: Draft): string[] {
  const must = environment === 'production' ? '; production has to say which before anything is sent' : '';
  return [
    `# Whether a caller is locked out after refused requests${must}:`,
    '# lockout: none   # or { refusals: 20, window: 10m, per: client }',
    '',
  ];
}

const STILL_OPEN: readonly { readonly outcome: OutcomeCode; readonly what: string }[] = [
  { outcome: 'ACCEPTED', what: 'what your service says to the probe once its signature was found right' },
  { outcome: 'REPLAY_NONCE_USED', what: 'what it says to a nonce that was used before' },
];

function outcomes({ words }: Draft): string[] {
  if (words.length === 0) return [];
  const lines = words.map(
    ({ status, pointer, words: seen, outcome }) =>
      `  - { when: { status: ${status}, pointer: { path: ${JSON.stringify(pointer)}, matches: ${JSON.stringify(`^${escaped(seen)}$`)} } }, outcome: ${outcome} }`,
  );
  const open = STILL_OPEN.filter(({ outcome }) => words.every((one) => one.outcome !== outcome)).map(
    ({ outcome, what }) =>
      `  # - { when: { status: 000, pointer: { path: ${JSON.stringify(words[0]?.pointer ?? '/error')}, matches: '^…$' } }, outcome: ${outcome} }   # ${what}`,
  );
  return [
    '# Your service answers in words: these were seen. What no rule matches proves nothing.',
    'outcomes:',
    ...lines,
    ...open,
    '',
  ];
}

function escaped(words: string): string {
  return words.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function usage({ profile }: Draft): string[] {
  if (profile === 'gate-v1') {
    return [
      '# Which key id each accepted request was verified under: the ledger of the gate, as the profile has it (spec/profiles.md).',
    ];
  }
  return [
    '# Which secret each accepted request was signed with. Without it no rotation can prove that clients have moved.',
    '# usage:',
    '#   metric: signer_accepted_requests_total',
    '#   labels: { client: client, fingerprint: key, caller: caller }',
  ];
}
