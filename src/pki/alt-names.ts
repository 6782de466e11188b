import type { X509Certificate } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { OctetString } from 'asn1js';
import { GeneralName } from 'pkijs';
import { RotctlError } from '../errors/rotctl-error.ts';

const MOST_NAME_CHARACTERS = 253;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const TYPE = { dnsName: 2, ipAddress: 7 } as const;

/** Whether a text can be a dNSName: labels of letters, digits and `-`, the first perhaps `*`. */
export function isDnsName(text: string): boolean {
  if (text.length === 0 || text.length > MOST_NAME_CHARACTERS || isIP(text) !== 0) return false;
  const labels = text.split('.');
  const rest = labels[0] === '*' && labels.length > 2 ? labels.slice(1) : labels;
  return rest.every((label) => LABEL.test(label));
}

/**
 * Names and addresses as alternative names of a certificate, each once: DNS names, IPv4, IPv6 (with or without brackets).
 *
 * @throws RotctlError `INPUT_INVALID` for what is neither a DNS name nor an address
 */
export function altNames(names: readonly string[]): GeneralName[] {
  const bare = names.map((name) => name.replace(/^\[|\]$/g, ''));
  return [...new Set(bare)].map((name) => {
    if (isIP(name) !== 0 && !name.includes('%')) {
      return new GeneralName({ type: TYPE.ipAddress, value: new OctetString({ valueHex: addressBytes(name) }) });
    }
    if (!isDnsName(name)) {
      throw new RotctlError('INPUT_INVALID', `a certificate cannot be for ${JSON.stringify(name)}`, {
        hint: 'give DNS names (signer-a.internal) and IP addresses, without a scheme and a port',
      });
    }
    return new GeneralName({ type: TYPE.dnsName, value: name });
  });
}

/** The DNS names and addresses that a certificate is for, as another one can be made for them. */
export function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName.split(', ').flatMap((one) => {
    const [, kind, value = ''] = /^(DNS|IP Address):(.+)$/.exec(one) ?? [];
    if (kind === 'DNS') return isDnsName(value) ? [value] : [];
    return kind === undefined || isIP(value) === 0 ? [] : [value];
  });
}

/** The bytes of an IP address, 4 or 16. */
export function addressBytes(address: string): ArrayBuffer {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number).buffer;
  // The URL parser writes the mixed form (::ffff:1.2.3.4) in hex groups, so that only `::` is left to fill.
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const ends = groups(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - ends.length;
  const all = [...groups(head), ...Array.from({ length: zeros }, () => '0'), ...ends];
  return Uint8Array.from(
    all.flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  ).buffer;
}
