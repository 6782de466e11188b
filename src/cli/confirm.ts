import { looksLikeSecret } from '../document/secret-text.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { RotatingGeneration } from '../machine/step.ts';
import { recordConfirmation } from '../runner/confirm.ts';
import { APPROVED_MOVES, type Confirmation, confirmationText } from '../runner/confirmations.ts';
import { loadFleet, runbookFor } from './load.ts';
import type { Platform } from './platform.ts';
import { openProgress } from './progress.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';
import { openSession } from './session.ts';

/** What was typed for `confirm`. */
export interface ConfirmRequest {
  readonly generation: RotatingGeneration | undefined;
  readonly replica: string | undefined;
  readonly gone: boolean;
  readonly approve: string | undefined;
  readonly by: string | undefined;
  readonly note: string | undefined;
}

const LONGEST = { by: 128, note: 500 } as const;

/**
 * Records in the open rotation what somebody answers for.
 *
 * @throws RotctlError `USAGE` for what is missing, `MOVE_REFUSED` where no rotation waits for it, `LOCK_HELD`
 */
export async function confirm(platform: Platform, flags: GlobalFlags, request: ConfirmRequest): Promise<CommandEnd> {
  const fleet = await loadFleet(platform, flags);
  const runbook = await runbookFor(platform, flags, fleet);
  const said = whatIn(fleet, flags, request);
  const progress = await openProgress(platform, flags);
  const session = await openSession(platform, flags, fleet, runbook, { progress });
  try {
    const { user, host } = platform.operator;
    const entry = await recordConfirmation(session.tools, said, `${user}@${host}`);
    const does = runbook.scheme === 'mtls' ? 'goes by certificates of' : 'signs with';
    const text = confirmationText({ ...said, at: entry.at, phase: entry.phase }, does);
    return {
      command: 'confirm',
      ...{ fleet: fleet.name, rotation: entry.rotation, phase: entry.phase, verdict: 'pass' },
      summary: `${text}; ${countsText(fleet, said.of, entry.phase)}`,
      result: { confirmation: { ...said.of, by: said.by, note: said.note ?? null, at: entry.at } },
      text: `${text}\n`,
      next: 'rotctl resume',
    };
  } finally {
    await session.close();
  }
}

/** How long what was said counts, or what is left to do. */
function countsText(fleet: Fleet, of: Confirmation['of'], phase: string): string {
  if ('client' in of) return `counts in phase ${phase}, where nothing is seen`;
  return 'approve' in of ? 'counts until the move is made' : listedText(fleet, of.replica);
}

/** What is left to do for a replica that is gone: one that is listed is asked as ever. */
function listedText({ replicas }: Fleet, gone: string): string {
  const isListed = replicas.some(({ name }) => name === gone);
  return isListed ? `take ${gone} out of the fleet file as well, then resume` : 'the rotation goes on without it';
}

function whatIn(
  fleet: Fleet,
  { clients }: GlobalFlags,
  request: ConfirmRequest,
): Pick<Confirmation, 'of' | 'by' | 'note'> {
  const { generation, replica, gone, approve, note } = request;
  const by = words('--by NAME', request.by, LONGEST.by);
  if (by === undefined) throw new RotctlError('USAGE', 'confirm needs --by NAME: who answers for it');
  const said = { by, note: words('--note TEXT', note, LONGEST.note) };
  const move = APPROVED_MOVES.find((known) => known === approve);
  if (move !== undefined) {
    if (clients.length > 0 || replica !== undefined)
      throw new RotctlError('USAGE', 'confirm --approve is of a move alone, not of a client or a replica');
    return { of: { approve: move }, ...said };
  }
  const [client, another] = clients;
  if ((client === undefined) === (replica === undefined) || another !== undefined) {
    throw new RotctlError(
      'USAGE',
      'confirm needs one --client ID with --generation, one --replica NAME with --gone, or --approve MOVE',
    );
  }
  if (replica !== undefined) {
    if (!gone)
      throw new RotctlError('USAGE', `confirm --replica ${replica} needs --gone: that it is drained and destroyed`);
    return { of: { replica }, ...said };
  }
  if (client === undefined || generation === undefined) {
    throw new RotctlError(
      'USAGE',
      `confirm --client ${client ?? 'ID'} needs --generation next (or current, on the way back)`,
    );
  }
  const ids = fleet.clients.map(({ id }) => id);
  if (!ids.includes(client))
    throw new RotctlError('USAGE', `the fleet has no client ${client}; it has ${ids.join(', ')}`);
  return { of: { client, generation }, ...said };
}

/** Words for the record, or `undefined` where none were given. @throws RotctlError `USAGE` */
function words(flag: string, given: string | undefined, longest: number): string | undefined {
  const text = given?.trim() ?? '';
  if (text === '') return undefined;
  if (text.length > longest) throw new RotctlError('USAGE', `${flag} takes at most ${longest} characters`);
  if (looksLikeSecret(text))
    throw new RotctlError('USAGE', `${flag} looks like a secret, and would stand in the ledger`);
  return text;
}
