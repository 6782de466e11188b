/** An element of an XML file, in document order. */
export interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const PROLOG = '<?xml version="1.0" encoding="UTF-8"?>';
const TAG = /<(\/?)([A-Za-z]\w*)((?:\s+[A-Za-z]\w*="[^"<]*")*)\s*(\/?)>/y;
const ATTRIBUTE = /([A-Za-z]\w*)="([^"<]*)"/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** The characters that XML 1.0 allows (section 2.2). */
const LEGAL = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

/** Reads XML that has elements and attributes only. Throws for anything that is not well-formed. */
export function readXml(xml: string): Element[] {
  if (!LEGAL.test(xml)) throw new Error('a character that XML does not allow');
  if (!xml.startsWith(PROLOG)) throw new Error('no prolog');
  const elements: Element[] = [];
  const open: string[] = [];
  let at = PROLOG.length;
  for (;;) {
    while (/\s/.test(xml.charAt(at))) at += 1;
    if (at === xml.length) break;
    TAG.lastIndex = at;
    const match = TAG.exec(xml);
    if (match === null) throw new Error(`not a tag: ${xml.slice(at, at + 60)}`);
    const [whole, end, tag = '', attributes = '', empty] = match;
    at += whole.length;
    if (end === '/') {
      if (open.pop() !== tag) throw new Error(`</${tag}> ends nothing`);
      continue;
    }
    elements.push({ tag, attributes: readAttributes(attributes) });
    if (empty === '') open.push(tag);
  }
  if (open.length > 0) throw new Error(`<${open.join('><')}> is not ended`);
  return elements;
}

function readAttributes(text: string): Record<string, string> {
  const pairs = [...text.matchAll(ATTRIBUTE)].map(([, name = '', value = '']) => [name, decode(value)] as const);
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length) throw new Error('an attribute stands twice');
  return Object.fromEntries(pairs);
}

function decode(value: string): string {
  return value.replace(/&(?:(\w+);)?/g, (_, name: string | undefined) => {
    const char = ENTITIES[name ?? ''];
    if (char === undefined) throw new Error(`not an entity: ${name}`);
    return char;
  });
}
