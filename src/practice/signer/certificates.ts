import { createHash, randomBytes } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { FaultName } from '../faults.ts';
import type { Memory } from '../replica/memory.ts';
import type { TlsFiles } from '../tls-files.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g;
const TICKET_KEY_BYTES = 48;
/** Fault `fixed-ticket-keys`: the same in every signer, for ever. */
const FIXED_KEYS = createHash('sha384').update('practice ticket keys').digest();
/** The same on all signers: nothing but the ticket keys keeps a session of one from being resumed at another. */
const SESSION_ID_CONTEXT = 'practice-signer';
/** Faults that a signer has as soon as they are planted; the others wait until it loads certificates. */
const AT_ONCE: readonly FaultName[] = ['not-reloaded', 'keeps-trust'];

/** What a signer's TLS goes by at present, as its faults have bent it. */
export interface Certificates {
  /** Takes what was newly read. */
  load(files: TlsFiles): void;
  /** Takes the set of planted faults. */
  plant(faults: ReadonlySet<FaultName>): void;
  /** New ticket keys: no session that was made before is resumed. */
  changeTicketKeys(): void;
  /** For new connections; those that are open go on with what they began with. */
  context(): SecureContextOptions & { readonly ticketKeys: Buffer };
}

/**
 * Keeps the certificates of one signer. Its ticket keys outlive a reload, as those of most servers do.
 *
 * @param wrongPurpose what the fault of this name shows: a certificate and its key, in one PEM text
 */
export function makeCertificates(memory: Memory, wrongPurpose: () => string): Certificates {
  let faults: ReadonlySet<FaultName> = new Set();
  let read: TlsFiles | undefined;
  let live: TlsFiles | undefined;
  let ticketKeys = randomBytes(TICKET_KEY_BYTES);

  const settle = (files: TlsFiles): void => {
    const held = faults.has('not-reloaded') ? remembered(memory, live ?? files) : files;
    const odd = faults.has('wrong-purpose') ? wrongPurpose() : undefined;
    live = {
      ca: trustOf(held.ca, faults, memory),
      cert: odd ?? held.cert,
      key: odd ?? held.key,
    };
  };
  return {
    load: (files) => {
      read = files;
      settle(files);
    },
    plant: (next) => {
      const lifted = [...faults].some((fault) => !next.has(fault));
      const planted = AT_ONCE.some((fault) => next.has(fault) && !faults.has(fault));
      faults = next;
      // A lifted fault is a repaired signer.
      if (read !== undefined && (lifted || planted)) settle(read);
    },
    changeTicketKeys: () => {
      ticketKeys = randomBytes(TICKET_KEY_BYTES);
    },
    context: () => ({
      ...live,
      ticketKeys: faults.has('fixed-ticket-keys') ? FIXED_KEYS : ticketKeys,
      sessionIdContext: SESSION_ID_CONTEXT,
    }),
  };
}

/** What the fault `not-reloaded` goes by: what the signer had when it was planted. */
function remembered(memory: Memory, now: TlsFiles): TlsFiles {
  const text = memory.read('not-reloaded');
  // Our own file, written below.
  if (text !== undefined) return JSON.parse(text) as TlsFiles;
  memory.write('not-reloaded', JSON.stringify(now));
  return now;
}

function trustOf(bundle: string, faults: ReadonlySet<FaultName>, memory: Memory): string {
  const blocks = bundle.match(BLOCK) ?? [];
  if (faults.has('keeps-trust')) return keptTrust(blocks, memory);
  if (faults.has('trust-replaced')) return blocks.at(-1) ?? bundle;
  return faults.has('torn-trust') ? (blocks[0] ?? bundle) : bundle;
}

function keptTrust(blocks: readonly string[], memory: Memory): string {
  const all = [...new Set([...(memory.read('keeps-trust')?.match(BLOCK) ?? []), ...blocks])].join('\n');
  memory.write('keeps-trust', all);
  return all;
}
