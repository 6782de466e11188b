/** Where to see which secret each client's accepted requests were signed with. */
export type UsageSource = MetricsUsage | LedgerUsage | PrometheusUsage | LogUsage | CommandUsage | ConfirmedUsage;

/** A source that can be watched. */
export type SeenUsage = Exclude<UsageSource, ConfirmedUsage>;

/** Nothing can be seen: somebody answers for it by name (`rotctl confirm`). */
export interface ConfirmedUsage {
  readonly from: 'confirmation';
}

/** How a source names a secret: see `usageNames`. */
export type FingerprintStyle = 'rotctl' | 'sha256' | 'key-id';

/** Names of the labels of a counter of accepted requests. */
export interface UsageLabels {
  readonly client: string;
  readonly fingerprint: string;
  /** Tells `rotctl`'s own requests; without it they cannot be told apart, and `rotctl` is silent while it looks. */
  readonly caller?: string | undefined;
  /** Tells the instances of one client apart. */
  readonly instance?: string | undefined;
}

/** A Prometheus page of each replica. */
export interface MetricsUsage {
  readonly from: 'metrics';
  readonly path: string;
  readonly metric: string;
  readonly labels: UsageLabels;
  readonly fingerprint: FingerprintStyle;
  /** The value of the caller label that marks `rotctl`'s own requests. */
  readonly ownCaller: string;
}

/** A list of accepted requests that each replica shows. JSON pointers. */
export interface LedgerUsage {
  readonly from: 'ledger';
  readonly path: string;
  /** To the list, in the answer; empty for the answer itself. */
  readonly entries: string;
  /** Inside an entry: when (Unix seconds, Unix milliseconds or ISO 8601), the actor, the name of the secret. */
  readonly at: string;
  readonly client: string;
  readonly keyId: string;
  /** Inside an entry: which of the client's instances it was. */
  readonly instance?: string | undefined;
  /** Key ids where nothing is said. */
  readonly fingerprint?: FingerprintStyle;
}

/** A server of Prometheus' HTTP API, and how it is known. */
export interface PrometheusServer {
  /** With the path below which the API is, without a slash at its end. */
  readonly url: URL;
  readonly serverName: string;
  /** PEM file of the authorities that sign its certificate; needed for https. */
  readonly ca: string | undefined;
  /** File that holds a bearer token. */
  readonly token: string | undefined;
  readonly deadlineMs: number;
  /** How old what it knows of a replica may be. */
  readonly scrapeMs: number;
}

/** A query to a Prometheus server that gives a counter of accepted requests. */
export interface PrometheusUsage {
  readonly from: 'prometheus';
  readonly server: PrometheusServer;
  readonly query: string;
  /** `replica` says which replica counted. */
  readonly labels: UsageLabels & { readonly replica: string };
  readonly fingerprint: FingerprintStyle;
  readonly ownCaller: string;
}

/** What a line of an accepted request looks like. */
export interface LineShape {
  /** With the named groups `client` and `key`, and where there are `time`, `caller` and `instance`. */
  readonly pattern: RegExp;
  /** Of those lines, the ones of `rotctl`'s own requests; where the pattern has no group `caller`. */
  readonly own: RegExp | undefined;
  readonly fingerprint: FingerprintStyle;
  /** What the group `caller` says for them, or begins with. */
  readonly ownCaller: string;
  /** How late a line may be. */
  readonly lagMs: number;
}

/** The replicas' log files, or one file of them all. */
export interface LogUsage extends LineShape {
  readonly from: 'log';
  /** Absolute path of the one file; where there is none, each replica has its own. */
  readonly file: string | undefined;
}

/** A command that prints such lines: the whole log each time, or with `{since}` what came since. */
export interface CommandUsage extends LineShape, LineCommand {
  readonly from: 'command';
}

/** A command that prints lines; with `{replica}` in it, one for each replica. */
export interface LineCommand {
  readonly command: readonly string[];
  readonly deadlineMs: number;
}

/** How a refused signature shows, and how many are a spike. */
export interface LogWatch {
  /** Of a line. Absent exactly where a Prometheus server is asked. */
  readonly refused: RegExp;
  /** Lines of refusals that `rotctl` itself brought about; without it they are counted as they are caused. */
  readonly own: RegExp | undefined;
  /** Refusals of others that are no spike: in one look, or where there is a window in any time of that length. */
  readonly allowed: number;
  /** Where lines come from that no replica's own file has. */
  readonly command?: LineCommand | undefined;
  readonly prometheus?: RefusalQuery | undefined;
  /** In what time they are counted, in milliseconds. */
  readonly windowMs?: number | undefined;
  /** How many times as many as before the rotation are no spike either. */
  readonly factor?: number | undefined;
}

/** A counter of refused signatures that a Prometheus server has. */
export interface RefusalQuery {
  readonly server: PrometheusServer;
  readonly query: string;
  /** The label that says which replica counted. */
  readonly replica: string;
  /** The label and the value by which `rotctl`'s own refused requests are told apart. */
  readonly caller: string | undefined;
  readonly ownCaller: string;
}

/** Who makes a client sign with `next`: we do, its owner does, or nobody ever can. */
export type Movable = 'us' | 'owner' | 'never';
