import { Option } from 'commander';
import { type Add, type Call, collect, texts } from './declaration.ts';
import type { InitFlags } from './init/answers.ts';

const ANSWERS = [
  ['name <text>', 'name of the fleet'],
  ['environment <kind>', 'production, staging or practice'],
  ['balancer <url>', 'address that clients send to'],
  ['replica-env <path>', 'env file of a replica, or JSON file (.json), with {name} for its name'],
  ['variable <name>', 'variable in it that lists the accepted secrets, or JSON pointer with {client}'],
  ['format <kind>', 'list, or single where one secret is all that fits'],
  ['reload <command>', 'command that makes a replica read its env file anew, with {name}'],
  ['restart <command>', 'command that restarts a replica, with {name}'],
  ['clients <ids>', 'client ids, with commas between them'],
  ['client-env <path>', 'env file of a client, or JSON file (.json), with {client} for its id'],
  ['client-variable <name>', 'variable in it that holds the secret, or JSON pointer'],
  ['client-restart <command>', 'command that restarts a client, with {client}'],
  ['ca <file>', 'PEM file of the CAs that sign the certificates of the replicas'],
  ['cert <file>', "PEM file of rotctl's own client certificate"],
  ['key-file <file>', 'PEM file of its private key'],
  ['server-name <name>', "name in the replicas' certificates"],
] as const;

/** Writing a fleet file. */
export const addInit: Add = (program, declare) => {
  declare(program, {
    usage: 'init',
    description:
      'Write a commented rotctl.yaml: looks at env files or JSON files and one replica, and asks only what it cannot see.',
    examples: [
      'rotctl init',
      "rotctl init --replica signer-1=https://10.0.0.11:8443 --replica signer-2=https://10.0.0.12:8443 --replica-env '/etc/{name}/signer.env'",
      'rotctl init --dry-run',
      'rotctl init --print-schema > rotctl.schema.json',
    ],
    options: [
      new Option('--replica <name=url>', 'a replica, by its own address; may be repeated')
        .argParser(collect)
        .default([], 'asked for'),
      ...ANSWERS.map(([flag, what]) => new Option(`--${flag}`, what)),
      new Option('--print-schema', 'print the JSON schema of rotctl.yaml for your editor, and do nothing else'),
    ],
    rehearse: 'itself',
    action: async (call) => {
      const { init, printSchema } = await import('./init.ts');
      return call.options.printSchema === true
        ? printSchema(call.platform)
        : init(call.platform, call.flags, initFlags(call));
    },
  });
};

function initFlags({ options }: Call): InitFlags {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  return {
    name: text('name'),
    environment: text('environment'),
    replicas: undefined,
    replica: texts(options.replica),
    balancer: text('balancer'),
    'replica-env': text('replicaEnv'),
    variable: text('variable'),
    format: text('format'),
    reload: text('reload'),
    restart: text('restart'),
    clients: text('clients'),
    'client-env': text('clientEnv'),
    'client-variable': text('clientVariable'),
    'client-restart': text('clientRestart'),
    ca: text('ca'),
    cert: text('cert'),
    key: text('keyFile'),
    'server-name': text('serverName'),
  };
}
