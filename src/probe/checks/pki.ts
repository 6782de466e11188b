import type { PkiCheckId, PkiFinding } from '../../pki/assess-rotation.ts';
import type { RotationSpan } from '../../pki/rotation-look.ts';
import type { Check, CheckContext, PkiLook } from './check.ts';
import { observe, type Sight } from './on-replicas.ts';

/** Beyond what is planned: a rotation that waits for people, and clocks that nobody has measured. */
const MARGIN_MS = 10 * 60_000;
/** How far the clock of an authority may be ahead of ours, to be waited for. */
const MOST_AHEAD_MS = 5000;

type Texts = Pick<Check, 'title' | 'why' | 'remedy'>;

const TEXTS: Readonly<Record<PkiCheckId, Texts>> = {
  'pki.whole': {
    title: 'the bundle, chain and key of each party can be read, whole',
    why: 'libraries silently take what they can read of a torn file, and a server that is started with it trusts fewer than it should, or nobody',
    remedy: 'write the named file anew, whole: certificates in PEM, and a private key that is not encrypted',
  },
  'pki.trust-not-empty': {
    title: 'each party trusts an authority that is in force',
    why: 'an empty bundle means nobody to some servers, and every public authority to others',
    remedy: 'write the authorities into the bundle whose certificates the party is to accept',
  },
  'pki.trust-private': {
    title: 'each party trusts a few authorities of one’s own, and none of the public',
    why: 'a public authority issues to whoever asks, so that its certificates prove nothing of a caller',
    remedy: 'pin the authorities of this fleet in a bundle of its own, in place of the system’s',
  },
  'pki.authorities-distinct': {
    title: 'authorities of one name can be told apart by key identifiers',
    why: 'without them a library tries the first of the name, and what it accepts goes by the order in the file',
    remedy: 'give each authority a name of its own, or a subject key identifier that its certificates refer to',
  },
  'pki.key-matches': {
    title: 'each chain has its own key',
    why: 'a server that is started with the key of another certificate does not start, and a client cannot connect',
    remedy: 'put the key beside the chain that it was made for, or issue the certificate anew',
  },
  'pki.validity': {
    title: 'what is shown and trusted is in force for as long as it is needed, on every clock',
    why: 'a certificate that expires in the window locks its party out, and one that a slow clock does not take yet as well',
    remedy:
      'renew what is named before the rotation, or shorten the rotation; a new one that is not valid yet has to wait',
  },
  'pki.purpose': {
    title: 'each certificate is for what it is shown for',
    why: 'a peer refuses a certificate of the wrong purpose by a bare reset, which tells nobody why',
    remedy: 'issue it anew with extendedKeyUsage clientAuth for a client, serverAuth for a server',
  },
  'pki.names': {
    title: 'each server’s certificate is for every name by which it is dialled',
    why: 'clients refuse a server whose certificate is not for the name that they dial, and the balancer’s is one of them',
    remedy:
      'issue it anew with the missing names as subject alternative names, or correct serverName or certificates.names',
  },
  'pki.chain': {
    title: 'everyone can follow what a party shows to an authority that they trust, in every phase',
    why: 'a client or server that cannot is locked out the moment the change is made, and not before',
    remedy:
      'complete and order the chain (its own certificate, then each issuer), or add its authority to the bundle of those that are named',
  },
  'pki.bundle-superset': {
    title: 'the bundle for the window has all that is trusted now, and the next authority',
    why: 'a bundle that is replaced in place of extended refuses everyone who has not moved yet',
    remedy: 'extend the bundle: all that it has now, and the next authority beside it',
  },
  'pki.bundle-after': {
    title: 'after the window nothing is accepted that was withdrawn',
    why: 'an authority that stays trusted under another certificate has not been retired',
    remedy: 'remove every certificate of the withdrawn authority from the bundle, also those of the same key',
  },
  'pki.authority-new': {
    title: 'the next authority is another than the present one',
    why: 'a rotation to the same authority, or to one with its key, withdraws nothing',
    remedy: 'have authority.trust print a root with a key of its own',
  },
};

/** About what is planned alone. */
const OF_A_PLAN: readonly PkiCheckId[] = ['pki.bundle-superset', 'pki.bundle-after', 'pki.authority-new'];
const IDS = Object.keys(TEXTS) as readonly PkiCheckId[];
const known = new WeakMap<PkiLook, Promise<readonly PkiFinding[]>>();

/**
 * The checks of the certificates of all parties, from what was read alone: for fleets that say where those stand. A party
 * that does not pass has a finding of its own; those that pass share one.
 */
export const PKI_CHECKS: readonly Check[] = IDS.map((id) => ({
  id,
  group: 'tls',
  critical: true,
  ...TEXTS[id],
  needs: ['certificates'],
  look: async (context) => {
    const seen = (await findings(context)).filter((finding) => finding.id === id);
    const passed = seen.filter(({ verdict }) => verdict === 'pass');
    const told = seen
      .filter(({ verdict }) => verdict !== 'pass')
      .map((finding) => observe(context, finding.target, async () => sightOf(finding)));
    const together =
      seen.length === 0 ? nothingSeen(id) : passed.length === 0 ? undefined : sharedBy(passed, seen.length);
    return Promise.all([...told, ...(together === undefined ? [] : [observe(context, 'fleet', async () => together)])]);
  },
}));

function findings(context: CheckContext): Promise<readonly PkiFinding[]> {
  const { pki } = context;
  if (pki === undefined) throw new Error('the certificates of the parties were not read');
  const made = known.get(pki) ?? assess(context, pki);
  known.set(pki, made);
  return made;
}

async function assess(context: CheckContext, pki: PkiLook): Promise<readonly PkiFinding[]> {
  const { assessRotation } = await import('../../pki/assess-rotation.ts');
  await waitForNew(context, pki);
  return assessRotation({ ...pki, span: spanOf(context) });
}

/** Most authorities issue what begins now: a slow clock takes it a moment later, and so long is waited before it is judged. */
async function waitForNew(context: CheckContext, { parties }: PkiLook): Promise<void> {
  const { clock, fleet, onWait, signal } = context;
  const { usableFrom } = await import('../../pki/parties.ts');
  const wait = usableFrom(parties, fleet.replay.clockErrorMs) - clock.now();
  if (wait <= 0 || wait > fleet.replay.clockErrorMs + MOST_AHEAD_MS) return;
  onWait?.('the new certificates, which have begun just now, to be valid on a slow clock', wait);
  await clock.sleep(wait, signal);
}

/** From now until a rotation that begins now is over. */
function spanOf({ clock, fleet }: CheckContext): RotationSpan {
  const now = clock.now();
  const movedBy = now + (fleet.policy?.minOverlapMs ?? 0) + MARGIN_MS;
  return { now, movedBy, until: movedBy + (fleet.policy?.soakMs ?? 0), skewMs: fleet.replay.clockErrorMs };
}

function sightOf({ verdict, expected, seen, reason }: PkiFinding): Sight {
  return { verdict, expected, seen, ...(reason === undefined ? {} : { reason }), samples: 1 };
}

/** One finding for those that pass. Of how long things hold, what ends first is said. */
function sharedBy(passed: readonly PkiFinding[], of: number): Sight {
  const [first] = passed;
  const remarks = passed.flatMap(({ target, reason }) => (reason === undefined ? [] : [`${target}: ${reason}`]));
  const soonest = passed.map(({ seen }) => seen).toSorted()[0] ?? '';
  const count = `${passed.length} of ${of} parties`;
  const seen = first?.id === 'pki.validity' ? `${soonest}, ${count}` : first?.target === 'fleet' ? first.seen : count;
  return {
    verdict: 'pass',
    expected: first?.expected ?? '',
    seen,
    ...(remarks.length === 0 ? {} : { reason: remarks.join('; ') }),
    samples: passed.length,
  };
}

function nothingSeen(id: PkiCheckId): Sight {
  const nothing = { expected: 'certificates', seen: 'none', samples: 0 };
  if (OF_A_PLAN.includes(id))
    return { ...nothing, verdict: 'not-applicable', reason: 'no rotation of certificates is planned' };
  return { ...nothing, verdict: 'unknown', reason: 'what the parties have could not be read' };
}
