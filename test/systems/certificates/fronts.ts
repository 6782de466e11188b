import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What ends TLS in front of a signer. */
export type FrontKind = 'nginx' | 'haproxy';

/** One such process. */
export interface FrontSpec {
  readonly kind: FrontKind;
  /** Its own folder, with its configuration, its certificates and its access log. */
  readonly home: string;
  readonly port: number;
  /** The signer's port, plain HTTP on the loopback. */
  readonly to: number;
  /** Whether it refuses a bad certificate by itself, or with AUTH_MTLS_REQUIRED in JSON. */
  readonly says: 'its own words' | 'the code';
  /** Where sessions are kept: sealed in tickets whose keys stand in a file, in a cache, or in what ends with the process. */
  readonly sessions: 'ticket file' | 'cache' | 'process';
}

/** The line of a request that the signer accepted, as both write it. */
export const ACCEPTED_LINE =
  'cert=(?<key>[0-9a-f]{40}) client=(?<client>\\w[\\w-]*) status=(?:200|400|404) signer=(?:200|400|404) agent="(?<caller>[^"]*)"';

/** Writes the configuration of a front; gives what starts it in the foreground. */
export function writeFront(spec: FrontSpec): readonly string[] {
  mkdirSync(spec.home, { recursive: true, mode: 0o700 });
  if (spec.kind === 'nginx') {
    writeFileSync(join(spec.home, 'tickets.key'), randomBytes(80), { mode: 0o600 });
    writeFileSync(join(spec.home, 'nginx.conf'), nginxText(spec));
    return ['nginx', '-e', join(spec.home, 'error.log'), '-c', join(spec.home, 'nginx.conf'), '-g', 'daemon off;'];
  }
  freshTickets(spec.home);
  writeFileSync(join(spec.home, 'haproxy.cfg'), haproxyText(spec));
  return ['haproxy', '-W', '-f', join(spec.home, 'haproxy.cfg')];
}

/** New ticket keys, as `tls-ticket-keys` of HAProxy wants them. */
export function freshTickets(home: string): void {
  const lines = [1, 2, 3].map(() => randomBytes(48).toString('base64'));
  writeFileSync(join(home, 'tickets.key'), `${lines.join('\n')}\n`, { mode: 0o600 });
}

/** The access log of a front. */
export function accessLog(home: string): string {
  return readFileSync(join(home, 'access.log'), 'utf8');
}

function nginxText({ home, port, to, says, sessions }: FrontSpec): string {
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']) mkdirSync(join(home, name));
  const refusing =
    says === 'the code'
      ? `ssl_verify_client optional; error_page 495 496 =403 /refused;
    location = /refused { internal; default_type application/json; return 403 '{"error":"AUTH_MTLS_REQUIRED"}'; }`
      : 'ssl_verify_client on;';
  const unlessShown = says === 'the code' ? 'if ($ssl_client_verify != SUCCESS) { return 496; }' : '';
  const kept = {
    'ticket file': `ssl_session_ticket_key ${home}/tickets.key;`,
    cache: 'ssl_session_cache shared:tls:1m; ssl_session_tickets off;',
    process: '',
  };
  return `worker_processes 2; pid ${home}/nginx.pid; error_log ${home}/error.log;
events {}
http {
  log_format seen 'cert=$ssl_client_fingerprint client=$http_x_keyring_client_id status=$status signer=$upstream_status agent="$http_user_agent"';
  access_log ${home}/access.log seen;
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
  server {
    listen 127.0.0.1:${port} ssl; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ${home}/chain.pem; ssl_certificate_key ${home}/key.pem; ssl_client_certificate ${home}/trust.pem;
    ${kept[sessions]}
    ${refusing}
    location / { ${unlessShown} proxy_pass http://127.0.0.1:${to}; }
  }
}
`;
}

function haproxyText({ home, port, to, says, sessions }: FrontSpec): string {
  const verify = says === 'the code' ? 'verify optional crt-ignore-err all ca-ignore-err all' : 'verify required';
  const refusing =
    says === 'the code'
      ? `http-request return status 403 content-type application/json string '{"error":"AUTH_MTLS_REQUIRED"}' unless { ssl_c_used } { ssl_c_verify 0 }`
      : '';
  const tickets = sessions === 'ticket file' ? `tls-ticket-keys ${home}/tickets.key` : '';
  return `global
  log stdout format raw local0
  stats socket ${home}/admin.sock mode 600 level admin expose-fd listeners
  hard-stop-after 5s
defaults
  mode http
  log global
  timeout connect 1s
  timeout client 20s
  timeout server 20s
  option http-server-close
frontend tls
  bind 127.0.0.1:${port} ssl crt ${home}/both.pem ca-file ${home}/trust.pem ${verify} ${tickets}
  http-request capture req.hdr(X-Keyring-Client-Id) len 64
  http-request capture req.hdr(User-Agent) len 128
  ${refusing}
  log-format "cert=%[ssl_c_sha1,hex,lower] client=%[capture.req.hdr(0)] status=%ST signer=%ST agent=\\"%[capture.req.hdr(1)]\\""
  default_backend signer
backend signer
  server one 127.0.0.1:${to}
`;
}
