import { Argument, type Command } from 'commander';
import { SconceError } from '../errors.js';
import { type Key, readKeyFile } from '../security/key-file.js';
import { type TokenKind, tokenKinds } from '../security/token-authority.js';
import { askManagement, managementFailure } from './management-request.js';

/** `sconce token`: shows the keys of a key file, or has a running server renew one. */
export function addTokenCommand(program: Command): void {
  const token = program
    .command('token')
    .description('Print the keys that requests need, or renew one.')
    .option('--key-file <path>', 'the file that the server has written', 'key_file.json')
    .action((options: { keyFile: string }, command: Command) =>
      attempt(command, () => print(options.keyFile)),
    );
  token
    .command('renew')
    .description('Have the running server replace a key, and print the new one.')
    .addArgument(new Argument('<key>', 'which of them').choices(tokenKinds))
    .option(
      '--management-address <url>',
      'where the management API is: http://…, https://… or unix:/path',
      'http://127.0.0.1:8081',
    )
    .configureHelp({ showGlobalOptions: true })
    .action((kind: TokenKind, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<{ keyFile: string; managementAddress: string }>();
      return attempt(command, () => renew(kind, options.keyFile, options.managementAddress));
    });
}

/** What went wrong is one message and exit code 1. */
async function attempt(command: Command, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof SconceError)) throw error;
    command.error(error.message);
  }
}

async function print(path: string): Promise<void> {
  const keys = await readKeyFile(path);
  console.log(line('management', keys.management));
  console.log(line('inference', keys.inference));
  console.log(line('API', keys.api));
}

function line(name: string, { key, expires }: Key): string {
  return `${name.padEnd('management'.length)}  ${key}  ${validity(expires)}`;
}

function validity(expires: Date | undefined): string {
  if (expires === undefined) return 'never expires';
  return `${expires <= new Date() ? 'expired' : 'expires'} ${expires.toISOString()}`;
}

async function renew(kind: TokenKind, path: string, address: string): Promise<void> {
  const before = await readKeyFile(path);
  const { status, body } = await askManagement(address, `/token?type=${kind}`, before.api.key);
  if (status !== 200) throw managementFailure(refusal(address, path, status, body));
  const after = await readKeyFile(path);
  if (after[kind].key === before[kind].key) {
    throw managementFailure(
      `the server at ${address} has renewed its ${kind} key, but not in ${path}: name its key file with --key-file`,
    );
  }
  console.log(line(kind, after[kind]));
}

function refusal(address: string, path: string, status: number | undefined, body: string): string {
  switch (status) {
    case 400:
      return `the server at ${address} refuses the API key of ${path}: it has written another key file`;
    case 404:
      return `the server at ${address} has no token API: token authorization is off, or this is not its management address`;
    default:
      return `the server at ${address} answered ${status}: ${body.trim()}`;
  }
}
