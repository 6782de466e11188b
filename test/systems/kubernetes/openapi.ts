/**
 * The OpenAPI document of a cluster in the form in which older `kubectl` asks for it (protocol buffers, gnostic's
 * `openapi.v2`), with what a dry run is looked up by: that a Secret can be patched, and that `dryRun` is known there.
 */
export function openApi(): Buffer {
  const kind = message(
    text(1, 'x-kubernetes-group-version-kind'),
    field(2, message(text(2, 'group: ""\nkind: Secret\nversion: v1\n'))),
  );
  const dryRun = message(field(1, message(field(2, message(field(3, message(text(2, 'query'), text(4, 'dryRun'))))))));
  const patch = message(field(8, dryRun), field(13, kind));
  const path = message(text(1, '/api/v1/namespaces/{namespace}/secrets/{name}'), field(2, message(field(8, patch))));
  const info = message(text(1, 'stand-in'), text(2, 'v1'));
  return message(text(1, '2.0'), field(2, info), field(8, message(field(2, path))), field(9, message()));
}

function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);
}

function text(number: number, content: string): Buffer {
  return field(number, Buffer.from(content));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}
