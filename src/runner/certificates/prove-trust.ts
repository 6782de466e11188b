import { dirname } from 'node:path';
import type { Commands } from '../../deploy/ports.ts';
import { compose, type Verdict } from '../../errors/verdict.ts';
import type { Client } from '../../fleet/fleet.ts';
import type { RotatingGeneration } from '../../machine/step.ts';
import { provesDistrust, provesTrust, type TrustVerdict } from '../../probe/client-trust.ts';
import type { Finding } from '../../probe/finding.ts';
import type { Identity, ListenForTrust } from '../../probe/ports.ts';
import { type Confirmation, confirmationText } from '../confirmations.ts';
import type { FleetParts } from '../fleet-parts.ts';
import { ownerOf } from '../left-alone.ts';
import type { Proven, Waiting } from '../world.ts';
import { dialledName } from './make-terms.ts';
import { LISTENER } from './parties.ts';
import { type CertificateTerms, termsOf } from './terms.ts';

const PAUSE_MS = 200;

/** What asking clients whom they trust takes. */
export interface TrustParts extends Pick<FleetParts, 'fleet' | 'probes' | 'confirmed'> {
  readonly terms: CertificateTerms;
  readonly listen: ListenForTrust;
  readonly commands: Commands;
}

/** Which generation, and whether a client is to trust it or not to. */
export interface TrustQuestioned {
  readonly proves: 'trusts' | 'distrusts';
  readonly generation: RotatingGeneration;
  /** The clients have not been touched just now: what is proven to have failed is not waited for. */
  readonly settled?: boolean;
}

/**
 * Whether clients trust servers of a generation, or do not any more, by their own handshakes with a listener of ours. One
 * that is just taking its bundle up is asked again.
 */
export async function proveTrust(
  parts: TrustParts,
  { proves, generation, settled = false }: TrustQuestioned,
  clients: readonly string[],
): Promise<Proven> {
  const { fleet, probes } = parts;
  const findings: Finding[] = [];
  const verdicts: Verdict[] = [];
  const waiting: Waiting[] = [];
  for (const client of fleet.clients.filter(({ id }) => clients.includes(id))) {
    const began = probes.clock.monotonic();
    const seen = await patiently(parts, client, { proves, generation, settled });
    if (seen.waiting !== undefined) waiting.push(seen.waiting);
    verdicts.push(seen.verdict);
    findings.push({
      ...{ id: 'certificate.trusted', verdict: seen.verdict, critical: true, target: client.id },
      ...{ expected: `${proves} servers of ${generation}`, seen: seen.reason, samples: seen.samples },
      ...(seen.verdict === 'pass' ? {} : { reason: `${client.id}: ${seen.reason}` }),
      ms: probes.clock.monotonic() - began,
    });
  }
  const reason = findings.flatMap(({ reason: why }) => why ?? []).join('; ');
  const proven = { verdict: compose(verdicts), reason, cells: [], findings, owed: [] };
  const [first] = waiting;
  const isWaited = verdicts.filter((verdict) => verdict !== 'pass').length === waiting.length;
  return first === undefined || !isWaited ? proven : { ...proven, waiting: first };
}

type Asked = Pick<TrustVerdict, 'verdict' | 'reason' | 'samples'> & { readonly waiting?: Waiting };

async function patiently(parts: TrustParts, client: Client, question: TrustQuestioned): Promise<Asked> {
  const { fleet, probes } = parts;
  const command = client.certificates?.handshake;
  if (command === undefined) return confirmed(client, question, await parts.confirmed());
  const began = probes.clock.monotonic();
  let samples = 0;
  for (;;) {
    const seen = await ask(parts, command, question);
    samples += seen.samples;
    const isLate = probes.clock.monotonic() - began >= fleet.readiness.deadlineMs;
    const isOver = isLate || (question.settled === true && seen.verdict === 'fail');
    if (seen.verdict === 'pass' || isOver) return { ...seen, samples };
    await probes.clock.sleep(PAUSE_MS);
  }
}

async function ask(
  parts: TrustParts,
  { command, deadlineMs }: NonNullable<NonNullable<Client['certificates']>['handshake']>,
  { proves, generation }: TrustQuestioned,
): Promise<Asked> {
  const { fleet, terms, listen, commands } = parts;
  const other = generation === 'next' ? 'current' : 'next';
  const [shown, control] = [identityOf(terms, generation), identityOf(terms, other)];
  if (shown === undefined) return { verdict: 'unknown', reason: withoutKey(generation), samples: 0 };
  const question = {
    listen,
    clientAuthorities: terms.authorities.current + terms.authorities.next,
    serverName: dialledName(fleet),
    shown,
    dial: async ({ host, port, serverName }: { host: string; port: number; serverName: string }) => {
      const values: Readonly<Record<string, string>> = { host, port: String(port), serverName };
      const argv = command.map((word) =>
        word.replace(/\{(host|port|serverName)\}/g, (_, name: string) => values[name] ?? ''),
      );
      await commands.run(argv, { cwd: dirname(fleet.file), deadlineMs });
    },
  };
  const asked = control === undefined ? question : { ...question, control };
  return proves === 'trusts' ? provesTrust(asked) : provesDistrust(asked);
}

function withoutKey(generation: RotatingGeneration): string {
  return `no server's certificate of ${generation} for the name that clients dial is at hand with its key`;
}

/** A server's certificate of a generation, as a listener of ours can show it. */
function identityOf(terms: CertificateTerms, generation: RotatingGeneration): Identity | undefined {
  const { chain, key } = termsOf(terms, LISTENER)[generation];
  return key === undefined ? undefined : { name: generation, chain, key };
}

/** Of a client that cannot be asked, somebody has to answer by name. */
function confirmed(client: Client, { proves, generation }: TrustQuestioned, words: readonly Confirmation[]): Asked {
  const kept = proves === 'trusts' ? generation : generation === 'next' ? 'current' : 'next';
  const word = words.findLast(({ of }) => 'client' in of && of.client === client.id && of.generation === kept);
  if (word !== undefined)
    return { verdict: 'pass', reason: confirmationText(word, 'goes by certificates of'), samples: 0 };
  return {
    verdict: 'unknown',
    reason: 'it has no handshake command, and nobody has confirmed by name whom it trusts',
    samples: 0,
    waiting: {
      what: `waiting for ${ownerOf(client)} to confirm that ${client.id} ${proves} servers of ${generation}`,
      next: `rotctl confirm --client ${client.id} --generation ${kept} --by NAME`,
    },
  };
}
