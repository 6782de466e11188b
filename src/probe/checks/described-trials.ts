import type { Secret } from '../../credential/secret.ts';
import type { DescribedScheme } from '../../fleet/fleet.ts';
import { has, placeholdersIn } from '../../protocol/described/template.ts';
import type { CheckContext } from './check.ts';
import { signsBody } from './scheme-lacks.ts';
import { otherMethod, otherPath, type Trial } from './trial.ts';

type Context = Pick<CheckContext, 'fleet' | 'random' | 'prober'>;

/** A body that was changed after signing; where none is signed, what is lost with that. */
export function tamperedBody(
  { fleet: { probe } }: Context,
  scheme: DescribedScheme,
  secret: Secret,
): readonly Trial[] | string {
  if (!signsBody(scheme)) return 'the scheme does not sign the body: what a captured request asks for can be rewritten';
  const other: Trial = { label: 'another body', secret, sentBody: '{"probe":"tampered"}' };
  // Where fields are added to a body it is written anew, and spaces are not kept.
  if (scheme.fields.length > 0) return [other];
  return [{ label: 'a space appended', secret, sentBody: `${probe.body} ` }, other];
}

/** A method, path or query that was changed after signing, as far as they are signed. */
export function tamperedRequest(
  { fleet: { probe } }: Context,
  { signs }: DescribedScheme,
  secret: Secret,
): readonly Trial[] | string {
  const { path, method } = probe;
  const isPath = has(signs, 'path') || has(signs, 'target');
  const isQuery = has(signs, 'query') || has(signs, 'target');
  const [wrongPath, wrongMethod] = [otherPath(path), otherMethod(method)];
  const trials: Trial[] = [
    ...(isPath ? [{ label: 'a signature for another path', secret, path: wrongPath, sentPath: path }] : []),
    ...(has(signs, 'method')
      ? [{ label: 'a signature for another method', secret, method: wrongMethod, sentMethod: method }]
      : []),
    ...(isPath
      ? [{ label: 'another path than was signed', secret, sentPath: wrongPath, elsewhere: true as const }]
      : []),
    ...(isQuery
      ? [{ label: 'another query than was signed', secret, sentPath: otherQuery(path), elsewhere: true as const }]
      : []),
    ...(has(signs, 'method')
      ? [{ label: 'another method than was signed', secret, sentMethod: wrongMethod, elsewhere: true as const }]
      : []),
  ];
  if (trials.length > 0) return trials;
  return 'the scheme signs neither method nor path: a captured request can be sent to another route';
}

/** A time, nonce, id, header or field that was changed after signing, as far as each is signed. */
export function tamperedParts(
  { fleet: { probe }, prober, random }: Context,
  { signs, timestamp }: DescribedScheme,
  secret: Secret,
): readonly Trial[] | string {
  const trials = placeholdersIn(signs).flatMap(({ name, of = '' }): Trial[] => {
    switch (name) {
      case 'timestamp':
        // Seven seconds, so that whole seconds differ, and a narrow window does not refuse what is sent.
        return timestamp === undefined
          ? []
          : [{ label: 'a signature for another time', secret, signedAs: { offsetMs: -7000 } }];
      case 'nonce':
        return [{ label: 'a signature for another nonce', secret, signedAs: { nonce: prober.nonce() } }];
      case 'client':
        return [{ label: 'a signature for another client id', secret, signedAs: { client: `other-${random.hex(3)}` } }];
      case 'keyId':
        return [{ label: 'a signature for another key id', secret, signedAs: { keyId: random.hex(4) } }];
      case 'header':
        return [
          { label: `another ${of} than was signed`, secret, sentHeaders: { [of]: 'text/other' }, elsewhere: true },
        ];
      case 'field':
        return changedField(probe.body, of, secret);
      default:
        return [];
    }
  });
  return trials.length > 0 ? trials : 'the scheme signs none of them';
}

function changedField(body: string, name: string, secret: Secret): Trial[] {
  const fields: unknown = JSON.parse(body);
  if (typeof fields !== 'object' || fields === null || !Object.hasOwn(fields, name)) return [];
  const sentBody = JSON.stringify({ ...fields, [name]: 'tampered' });
  return [{ label: `another ${name} than was signed`, secret, sentBody, elsewhere: true }];
}

function otherQuery(target: string): string {
  return `${target}${target.includes('?') ? '&' : '?'}rotctl=other`;
}
