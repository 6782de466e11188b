import type { LineCommand, LineShape, LogWatch, PrometheusServer, SeenUsage, UsageSource } from './evidence.ts';
import { groupsOf } from './evidence-rules.ts';
import type { LogsInput, UsageInput } from './evidence-schema.ts';
import type { Fleet } from './fleet.ts';

type Resolve = (path: string) => string;

/** The sources of usage evidence that `usage` names; `evidence-rules.ts` has seen to it that the fields of each kind are there. */
export function usageSources(
  input: UsageInput | readonly UsageInput[] | undefined,
  protocol: Fleet['protocol'],
  absolute: Resolve,
): readonly UsageSource[] {
  if (input === undefined) return [];
  const all = 'from' in input ? [input] : input;
  return all.map((one) => usageSource(one, protocol, absolute));
}

function usageSource(input: UsageInput, protocol: Fleet['protocol'], absolute: Resolve): UsageSource {
  const { from, path, metric = '', labels = NO_LABELS, ownCaller } = input;
  const fingerprint = input.fingerprint ?? (protocol === 'gate-v1' ? 'key-id' : 'rotctl');
  const { replica = 'instance', ...counted } = labels;
  switch (from) {
    case 'ledger': {
      const { entries = '', at = '', client = '', keyId = '', instance } = input;
      return { from, path: path ?? '/ledger', entries, at, client, keyId, instance, fingerprint };
    }
    case 'metrics':
      return { from, path: path ?? '/metrics', metric, labels: counted, fingerprint, ownCaller };
    case 'prometheus': {
      const { prometheus } = input;
      const query = prometheus?.query ?? '';
      const server = serverOf(prometheus ?? NO_SERVER, absolute);
      return { from, server, query, labels: { ...counted, replica }, fingerprint, ownCaller };
    }
    case 'confirmation':
      return { from };
    case 'log':
      return {
        from,
        ...shapeOf(input, fingerprint),
        file: input.file === undefined ? undefined : absolute(input.file),
      };
    case 'command':
      return { from, ...shapeOf(input, fingerprint), ...commandOf(input) };
  }
}

const NO_LABELS: NonNullable<UsageInput['labels']> = { client: '', fingerprint: '' };
const NO_SERVER = { url: 'http://localhost', deadline: 1, scrape: 1 };

function shapeOf(
  { pattern = /$^/, own, ownCaller, lag }: UsageInput,
  fingerprint: LineShape['fingerprint'],
): LineShape {
  return { pattern, own, fingerprint, ownCaller, lagMs: lag };
}

function commandOf(input: {
  readonly command?: readonly string[] | undefined;
  readonly deadline: number;
}): LineCommand {
  return { command: input.command ?? [], deadlineMs: input.deadline };
}

type ServerInput = Pick<NonNullable<UsageInput['prometheus']>, 'url' | 'deadline' | 'scrape'> &
  Partial<NonNullable<UsageInput['prometheus']>>;

function serverOf(
  { url: text, serverName, ca, token, deadline, scrape }: ServerInput,
  absolute: Resolve,
): PrometheusServer {
  const url = new URL(text.replace(/\/+$/, ''));
  return {
    url,
    serverName: serverName ?? url.hostname.replace(/^\[|\]$/g, ''),
    ca: ca === undefined ? undefined : absolute(ca),
    token: token === undefined ? undefined : absolute(token),
    deadlineMs: deadline,
    scrapeMs: scrape,
  };
}

/** How refused signatures are watched, as `logs` says. */
export function logWatch(input: LogsInput | undefined, absolute: Resolve): LogWatch | undefined {
  if (input === undefined) return undefined;
  const { refused = /$^/, own, allowed, window, factor, command, prometheus, ownCaller } = input;
  return {
    ...{ refused, own, allowed },
    ...(window === undefined ? {} : { windowMs: window }),
    ...(factor === undefined ? {} : { factor }),
    ...(command === undefined ? {} : { command: commandOf(input) }),
    ...(prometheus === undefined
      ? {}
      : {
          prometheus: {
            server: serverOf(prometheus, absolute),
            query: prometheus.query,
            replica: prometheus.replica ?? 'instance',
            caller: prometheus.caller,
            ownCaller,
          },
        }),
  };
}

/** Whether a source shows which requests are `rotctl`'s own. A list does by their actor, which only gates know. */
export function tellsOwn(source: SeenUsage, protocol: Fleet['protocol']): boolean {
  switch (source.from) {
    case 'metrics':
    case 'prometheus':
      return source.labels.caller !== undefined;
    case 'ledger':
      return protocol === 'gate-v1';
    case 'log':
    case 'command':
      return source.own !== undefined || groupsOf(source.pattern).includes('caller');
  }
}
