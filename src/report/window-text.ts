/** One number of the bound, as it is shown. */
export interface ShownTerm {
  readonly name: string;
  readonly ms: number;
  readonly from: string;
  readonly times: number;
  readonly measured?: string;
}

/** The bound, as it is shown. */
export interface ShownWindow {
  readonly verdict: string;
  readonly reason: string;
  readonly terms: readonly ShownTerm[];
  readonly neededMs: number;
  readonly haveMs: number;
  readonly haveFrom: string;
  readonly haveMeasured?: string;
  readonly marginMs: number;
  readonly nowMs?: number;
  readonly setMs: number;
}

/** What the numbers are called where they are set. */
export interface WindowNames {
  readonly ttl: string;
  readonly maxAge: string;
}

const MEANS: Readonly<Record<string, string>> = {
  maxAge: 'the age at which signers stop accepting a timestamp, either way (replay.maxAge)',
  E: 'the most by which a clock may be wrong (replay.clockError)',
  D: 'how long a signer may wait for its store after it has looked at the time (replay.storeTimeout)',
  unsigned: 'the fraction of a second, which the signature does not cover and anyone can change',
};

/** The bound with every number, where it comes from, the margin, and what to do in which order. */
export function renderWindow(report: ShownWindow, names: WindowNames): string {
  const rows = [
    ...report.terms.map((term) => [term.name, exactly(term.ms), originOf(term), MEANS[term.name] ?? ''] as const),
    ['needed', exactly(report.neededMs), `= ${sumOf(report)}`, ''] as const,
    [
      'have',
      exactly(report.haveMs),
      originOf({ from: report.haveFrom, ...measuredOf(report) }),
      'how long a used nonce is remembered (replay.nonceTtl)',
    ] as const,
    ['margin', signed(report.marginMs), report.marginMs < 0 ? 'too short' : 'to spare', ''] as const,
  ];
  const table = rows.map(
    ([name, value, from, means]) =>
      `  ${name.padEnd(9)} ${value.padEnd(12)} ${from}${means === '' ? '' : `\n${' '.repeat(25)}${means}`}`,
  );
  const now =
    report.nowMs === undefined
      ? []
      : [`  with the clocks and windows as they were measured just now it is ${exactly(report.nowMs)}`];
  return [
    'the bound: TTL >= 2·maxAge + 2E + D',
    '',
    ...table,
    ...now,
    '',
    report.reason,
    '',
    ...stepsFor(report, names),
  ].join('\n');
}

/** What to set, in which order; the same lines stand in the JSON result. */
export function stepsFor(report: ShownWindow, { ttl, maxAge }: WindowNames): readonly string[] {
  const set = exactly(report.setMs);
  const old = exactly(report.haveMs);
  const fix =
    report.marginMs >= 0
      ? []
      : [
          `now: 1. set ${ttl} to ${set} on every replica; 2. wait ${old}, the old life, until no nonce has it any more; 3. say replay.nonceTtl: ${Math.round(report.setMs / 1000)}s in rotctl.yaml`,
        ];
  return [
    ...fix,
    `to raise ${maxAge}: first raise ${ttl} on every replica to the new bound, wait the old life of a nonce, and only then raise ${maxAge} anywhere`,
    `to lower ${maxAge}: lower it on every replica, wait twice its old value, and only then lower ${ttl}`,
    ...(report.terms.some(({ name }) => name === 'unsigned')
      ? [
          'the signature covers whole seconds: a request stamped 12.0 can be sent again as 12.999, so that one second is added',
        ]
      : []),
    'a TTL that is set in whole seconds is rounded up, never down; a store that forgets a key at the very millisecond (a map) needs 1 ms more than Redis',
  ];
}

function sumOf({ terms }: ShownWindow): string {
  return terms.map(({ times, ms }) => `${times === 1 ? '' : `${times} × `}${exactly(ms)}`).join(' + ');
}

function originOf({ from, measured }: Pick<ShownTerm, 'from' | 'measured'>): string {
  const said =
    from === 'measured'
      ? 'measured, worse than rotctl.yaml says'
      : from === 'default'
        ? 'default, not stated in rotctl.yaml'
        : from;
  return measured === undefined ? said : `${said}; measured ${measured}`;
}

function measuredOf({ haveMeasured }: ShownWindow): Pick<ShownTerm, 'measured'> {
  return haveMeasured === undefined ? {} : { measured: haveMeasured };
}

function signed(ms: number): string {
  return ms < 0 ? `-${exactly(-ms)}` : `+${exactly(ms)}`;
}

/** Not rounded: the sum must be the sum of what is shown. */
function exactly(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}
