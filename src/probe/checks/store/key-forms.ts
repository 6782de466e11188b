import type { Hazard } from '../../hazards.ts';

/** A key that another implementation makes of the same nonce. */
export interface KeyForm {
  readonly name: string;
  readonly key: string;
  readonly hazard: Hazard;
}

/** The key of a nonce by a fleet file's template. */
export function keyOf(template: string, client: string, nonce: string): string {
  return template.replaceAll('{client}', client).replaceAll('{nonce}', nonce);
}

/** What a template has before its first placeholder and the punctuation that belongs to that. */
function prefixOf(template: string): string {
  const first = template.search(/\["?\{client\}|\["?\{nonce\}|\{client\}|\{nonce\}/);
  return template.slice(0, Math.max(0, first));
}

/** Forms that are known from the field, without the one that is right. The first that is found names what is wrong. */
export function wrongForms(template: string, client: string, nonce: string): readonly KeyForm[] {
  const prefix = prefixOf(template);
  const right = keyOf(template, client, nonce);
  const pair = JSON.stringify([client, nonce]);
  const spaced = `[${JSON.stringify(client)}, ${JSON.stringify(nonce)}]`;
  const forms: readonly KeyForm[] = [
    { name: 'a space after the comma, as Python’s json.dumps writes it', key: `${prefix}${spaced}`, hazard: 'H20' },
    { name: 'the compact JSON pair', key: `${prefix}${pair}`, hazard: 'H20' },
    { name: 'client:nonce', key: `${prefix}${client}:${nonce}`, hazard: 'H20' },
    { name: 'the nonce in upper case', key: keyOf(template, client, nonce.toUpperCase()), hazard: 'H20' },
    { name: 'the client id in lower case', key: keyOf(template, client.toLowerCase(), nonce), hazard: 'H20' },
    { name: 'the nonce cut off at 16 characters', key: keyOf(template, client, nonce.slice(0, 16)), hazard: 'H20' },
    { name: 'a hash tag around the client id', key: `${prefix}{${client}}:${nonce}`, hazard: 'H22' },
    { name: 'the nonce alone, without its client', key: `${prefix}${nonce}`, hazard: 'H21' },
    { name: 'the nonce alone, in JSON', key: `${prefix}${JSON.stringify([nonce])}`, hazard: 'H21' },
    { name: 'the nonce alone, without a prefix', key: nonce, hazard: 'H21' },
    { name: 'no prefix', key: right.slice(prefix.length), hazard: 'H10' },
    { name: 'the prefix nonce:', key: `nonce:${right.slice(prefix.length)}`, hazard: 'H10' },
    { name: 'the prefix replay:', key: `replay:${right.slice(prefix.length)}`, hazard: 'H10' },
    { name: 'another prefix before the right one', key: `other:${right}`, hazard: 'H10' },
  ];
  return forms.filter(({ key }, index) => key !== right && forms.findIndex((each) => each.key === key) === index);
}
