import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

/** What practice signers have counted of one kind of caller, over all replicas: accepted, and refused by code. */
export type SignerCounts = Readonly<Record<string, number>>;

/** Reads the counters of every signer of a practice fleet: those of `rotctl`, or of its clients. */
export async function signerCounts(home: string, caller: 'rotctl' | 'other' = 'rotctl'): Promise<SignerCounts> {
  const urls = [...readFileSync(join(home, 'rotctl.yaml'), 'utf8').matchAll(/^ {4}url: (\S+)$/gm)].map(
    ([, url]) => url,
  );
  const pages = await Promise.all(urls.map((url) => pageOf(home, `${url}/metrics`)));
  const counts: Record<string, number> = {};
  for (const line of pages.join('\n').split('\n')) {
    const found = /^keyring_(accepted|refused)_requests_total\{(.*)\} (\d+)$/.exec(line);
    if (found === null || !line.includes(`caller="${caller}"`)) continue;
    const [, what, labels = '', count = '0'] = found;
    const code = what === 'accepted' ? 'ACCEPTED' : (/code="(\w+)"/.exec(labels)?.[1] ?? '');
    counts[code] = (counts[code] ?? 0) + Number(count);
  }
  return counts;
}

/** What was counted since an earlier reading; nothing where nothing was. */
export function countedSince(before: SignerCounts, after: SignerCounts): SignerCounts {
  const codes = Object.keys(after).filter((code) => (after[code] ?? 0) > (before[code] ?? 0));
  return Object.fromEntries(codes.map((code) => [code, (after[code] ?? 0) - (before[code] ?? 0)]));
}

function pageOf(home: string, url: string): Promise<string> {
  const tls = (name: string): Buffer => readFileSync(join(home, 'tls', name));
  const options = { ca: tls('ca.pem'), cert: tls('rotctl.pem'), key: tls('rotctl.key'), agent: false } as const;
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, checkServerIdentity: () => undefined }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject).end();
  });
}
