import type { RotctlError } from '../errors/rotctl-error.ts';
import { type Phase, TRANSITIONS } from '../machine/phase.ts';
import type { GlobalFlags } from './request.ts';
import type { Standing } from './standing.ts';

/** Commands that go by a fleet file and its ledger, and those that go by a ledger alone. */
const ON_FLEET = /^rotctl (?:check|confirm|overlap|plan|resume|retire|rollback|status|verify-replay)\b/;
const ON_LEDGER = /^rotctl ledger\b/;

/** A command to type next, for the fleet file and the ledger that the present one was typed with. */
export function withPlaces(next: string, { fleet, fleetGiven, ledger }: Places): string {
  const isOnFleet = ON_FLEET.test(next);
  const add = (flag: string, path: string | undefined): string =>
    path === undefined || next.includes(` ${flag} `) ? '' : ` ${flag} ${asWord(path)}`;
  const onFleet = isOnFleet && fleetGiven ? add('--fleet', fleet) : '';
  return `${next}${onFleet}${isOnFleet || ON_LEDGER.test(next) ? add('--ledger', ledger) : ''}`;
}

/** What says on which fleet a command works. */
export type Places = Pick<GlobalFlags, 'fleet' | 'fleetGiven' | 'ledger'>;

/** A path as a shell reads it. */
function asWord(path: string): string {
  return /^[\w./:@%+=,~-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** What tells the command to type after a failure. */
export interface Failed {
  readonly error: RotctlError;
  readonly flags: Pick<GlobalFlags, 'material' | 'runbook'>;
  /** What the runbook is of that was carried out. */
  readonly material: 'hmac' | 'mtls';
  /** Where the newest rotation of the ledger stands. */
  readonly standing: Standing | undefined;
}

/** The command to type after a failure. */
export function commandAfterFailure(failed: Failed): string {
  const { error, standing } = failed;
  return withMaterial(error.next ?? commandFor(error, standing), isOfCertificates(failed));
}

/** A rotation that is begun says what it is of; one that is open is known by its runbook. */
export function withMaterial(next: string, certificates: boolean): string {
  return certificates ? next.replace(/^rotctl overlap\b/, '$& --material mtls') : next;
}

/** Without a word of it, what the rotation before was of is what the next one is of. */
function isOfCertificates({ flags, material, standing }: Omit<Failed, 'error'>): boolean {
  const isSaid = flags.material !== undefined || flags.runbook !== undefined;
  return material === 'mtls' || (!isSaid && standing?.material === 'certificates');
}

function commandFor({ code }: RotctlError, standing: Standing | undefined): string {
  switch (code) {
    case 'HELD':
    case 'FAILED_HELD':
      return standing !== undefined && isForcedAndHeld(standing) ? 'rotctl rollback' : 'rotctl resume';
    case 'DRIVER_FAILED':
    case 'LEDGER_WRITE_FAILED':
    case 'ROLLBACK_UNVERIFIED':
      return 'rotctl resume';
    case 'GATE_WAITING':
      return 'rotctl retire --wait';
    case 'PRECONDITION_FAILED':
      return 'rotctl check';
    default:
      return 'rotctl status';
  }
}

/** Whether an order that was not proven safe has come to a stop where it can be taken back: to go on with it mends nothing. */
export function isForcedAndHeld({ override, phase }: Pick<Standing, 'override' | 'phase'>): boolean {
  return override !== undefined && canGoBack(phase);
}

function canGoBack(phase: Phase): boolean {
  return TRANSITIONS[phase].rollback !== undefined;
}
