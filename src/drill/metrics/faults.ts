import type { Entry } from '../../ledger/entry.ts';
import { text } from './values.ts';

/** What a planted fault may bring about by its nature, so that it is not counted against the fleet. */
export type Disturbance = 'refused' | 'invalid' | 'replay' | 'resurrection' | 'handshake';

/** One fault, from its planting to its lifting. */
export interface PlantedFault {
  readonly name: string;
  readonly target: string;
  readonly planted: Entry;
  readonly found: Entry | undefined;
  readonly lifted: Entry | undefined;
  /** The check that found it; empty while none did. */
  readonly check: string;
  /** What shows that it really happened; empty while nothing does. */
  readonly proof: string;
  /** `seq` of the last entry that it may have disturbed. */
  readonly until: number;
}

/** The faults that the entries tell of, in the order of planting. The same fault may be planted more than once. */
export function plantedFaults(entries: readonly Entry[]): PlantedFault[] {
  const last = entries.at(-1)?.seq ?? 0;
  const told = entries.filter((entry) => entry.kind === 'fault');
  return told
    .filter((entry) => entry.data.event === 'planted')
    .map((planted) => {
      const again = told.find(
        (entry) => entry.seq > planted.seq && isSame(entry, planted) && entry.data.event === 'planted',
      );
      const own = told.filter(
        (entry) => isSame(entry, planted) && entry.seq > planted.seq && entry.seq < (again?.seq ?? Infinity),
      );
      return faultOf(planted, own, last);
    });
}

function isSame(a: Entry, b: Entry): boolean {
  return a.data.fault === b.data.fault && a.data.target === b.data.target;
}

function faultOf(planted: Entry, own: readonly Entry[], last: number): PlantedFault {
  const found = own.find((entry) => entry.data.event === 'found');
  const lifted = own.find((entry) => entry.data.event === 'lifted');
  const all = [planted, ...own];
  return {
    name: text(planted.data.fault),
    target: text(planted.data.target),
    planted,
    found,
    lifted,
    check: text(found?.data.check),
    proof: all.map((entry) => text(entry.data.proof)).find((proof) => proof !== '') ?? '',
    until: (lifted ?? found)?.seq ?? last,
  };
}

/** Which family of wrong answers a check looks for: what fails it, fails its sisters too. */
const FAMILIES: readonly (readonly [Disturbance, RegExp])[] = [
  ['replay', /^(replay[._]|namespace)/],
  ['invalid', /^control\.|_rejected$|^gate\.|^store\.fail-closed$/],
  ['resurrection', /^refuses\./],
  ['refused', /^clock\.|^timestamp_skew_rejected$|^gate\.stale-refused$|^accepts\.current$|^traffic/],
  ['handshake', /^(?:mtls|certificate|session)\.|^(?:accepts|refuses)\.|^(?:mtls_required_rejected|ready)$/],
];

/** What faults bring about that the check which finds them does not tell: clients turn away from a certificate as well. */
const BY_NATURE: Readonly<Record<string, Disturbance>> = { 'wrong-purpose': 'refused' };

/**
 * The fault that excuses a wrong answer seen between the entries `from` and `to`: it was planted then, it was **found**,
 * and the check that found it is of the same family. A fault that nobody found excuses nothing.
 */
export function excuse(
  faults: readonly PlantedFault[],
  disturbance: Disturbance | 'any',
  from: number,
  to = from,
): PlantedFault | undefined {
  return faults.find((fault) => {
    if (fault.found === undefined || fault.planted.seq > to || fault.until < from) return false;
    return disturbance === 'any' || disturbs(fault, disturbance);
  });
}

function disturbs(fault: PlantedFault, disturbance: Disturbance): boolean {
  if (BY_NATURE[fault.name] === disturbance) return true;
  return FAMILIES.some(([family, pattern]) => family === disturbance && pattern.test(fault.check));
}

/** How a detail line says that something was left out because of a fault. */
export function excusedBy(what: string, fault: PlantedFault): string {
  return `${what}, not counted: fault ${fault.name} was planted on ${fault.target}, and found by ${fault.check}`;
}
