/** What a placeholder of a template stands for. */
export type PlaceholderName =
  | 'method'
  | 'path'
  | 'query'
  | 'target'
  | 'timestamp'
  | 'nonce'
  | 'keyId'
  | 'client'
  | 'body'
  | 'bodyDigest'
  | 'header'
  | 'field'
  | 'signature';

/** How the digest of a body is taken and written. */
export interface BodyDigest {
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly encoding: 'hex' | 'base64';
}

/** A piece of a template: text as it is, or a placeholder as it was written, with what it stands for. */
export type Piece =
  | { readonly text: string }
  | {
      readonly name: PlaceholderName;
      /** As written, with its braces. */
      readonly written: string;
      /** Of `{header:NAME}`, in lower case, and `{field:NAME}`. */
      readonly of?: string;
      readonly digest?: BodyDigest;
    };

/** A placeholder of a template. */
export type Placeholder = Extract<Piece, { readonly name: PlaceholderName }>;

/** A text with placeholders, parsed once. Plain data, which may be sent to another thread. */
export type Template = readonly Piece[];

/** Why a text is no template, and the piece of it that is wrong. */
export interface TemplateProblem {
  readonly message: string;
  readonly within: string;
}

const SIMPLE = [
  'method',
  'path',
  'query',
  'target',
  'timestamp',
  'nonce',
  'keyId',
  'client',
  'body',
  'signature',
] as const;
const BODY_DIGEST = /^bodySha(256|384|512)(Base64)?$/;
const NAMED = /^(header|field):([A-Za-z0-9!#$%&'*+.^_`|~-]{1,128})$/;

/** What may be written in braces, for messages and for finding what was meant. */
export const WRITABLE = {
  signed: [
    ...SIMPLE.filter((name) => name !== 'signature'),
    'id',
    'bodySha256',
    'bodySha256Base64',
    'header:NAME',
    'field:NAME',
  ],
  sent: ['signature', 'timestamp', 'nonce', 'id', 'keyId', 'client', 'bodySha256', 'bodySha256Base64'],
} as const;

/** Which placeholders a template may have: one of the signed string, or one of a header or body field that is sent. */
export type TemplateUse = keyof typeof WRITABLE;

/**
 * Parses a template: `{name}` is a placeholder, `{{` and `}}` are braces. Returns the problem of the first piece that is
 * wrong. `id` is another word for `nonce`; `bodySha256` is hex, `bodySha256Base64` base64, and so for 384 and 512.
 */
export function parseTemplate(text: string, use: TemplateUse): Template | TemplateProblem {
  const pieces: Piece[] = [];
  const add = (more: string): void => {
    const last = pieces.at(-1);
    if (last !== undefined && 'text' in last) pieces.splice(-1, 1, { text: last.text + more });
    else pieces.push({ text: more });
  };
  for (let at = 0; at < text.length; ) {
    const char = text.charAt(at);
    if ((char === '{' || char === '}') && text.charAt(at + 1) === char) {
      add(char);
      at += 2;
    } else if (char === '{') {
      const end = text.indexOf('}', at);
      const written = end === -1 ? text.slice(at) : text.slice(at, end + 1);
      if (end === -1) return { message: 'has a { without its }; a brace that is meant is written {{', within: written };
      const piece = placeholder(written.slice(1, -1), written, use);
      if ('message' in piece) return piece;
      pieces.push(piece);
      at = end + 1;
    } else if (char === '}') {
      const since = text.lastIndexOf('}', at - 1) + 1;
      return { message: 'has a } without its {; a brace that is meant is written }}', within: text.slice(since) };
    } else {
      add(char);
      at += 1;
    }
  }
  return pieces;
}

/** Whether it is the problem of a text that is no template. */
export function isProblem(parsed: Template | TemplateProblem): parsed is TemplateProblem {
  return 'message' in parsed;
}

/** The placeholders of a template, in their order. */
export function placeholdersIn(template: Template): readonly Placeholder[] {
  return template.flatMap((piece) => ('name' in piece ? [piece] : []));
}

/** Whether a template has a placeholder of this name. */
export function has(template: Template, name: PlaceholderName): boolean {
  return placeholdersIn(template).some((piece) => piece.name === name);
}

function placeholder(inner: string, written: string, use: TemplateUse): Piece | TemplateProblem {
  const name = inner === 'id' ? 'nonce' : SIMPLE.find((one) => one === inner);
  const [, hash, base64] = inner.match(BODY_DIGEST) ?? [];
  const [, kind, of = ''] = inner.match(NAMED) ?? [];
  const refuse = (message: string): TemplateProblem => ({ message, within: written });
  if (hash !== undefined) {
    const digest: BodyDigest = {
      hash: hash === '256' ? 'sha256' : hash === '384' ? 'sha384' : 'sha512',
      encoding: base64 === undefined ? 'hex' : 'base64',
    };
    return { name: 'bodyDigest', written, digest };
  }
  if (use === 'signed' && kind === 'header') return { name: 'header', written, of: of.toLowerCase() };
  if (use === 'signed' && kind === 'field') return { name: 'field', written, of };
  const allowed = name !== undefined && WRITABLE[use].some((one) => one === name);
  if (allowed) return { name, written };
  if (name === 'signature') return refuse('{signature} cannot be signed itself');
  if (name !== undefined || kind !== undefined) return refuse(`${written} cannot stand in what is sent`);
  return refuse(`${written.length > 40 ? 'a placeholder' : written} is not known`);
}
