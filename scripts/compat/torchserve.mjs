import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The version that the recordings are of. */
export const torchServeVersion = '0.12.0';

/** Milliseconds that the server may take to open its ports. */
const startPatience = 60_000;

const logging = `<Configuration>
  <Appenders><Console name="out"><PatternLayout pattern="%p %c - %m%n"/></Console></Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
`;

/**
 * The TorchServe of this machine.
 *
 * @param {string} python an interpreter that has the package torchserve
 * @returns {{python: string, java: string, home: string} | {missing: string}}
 */
export function findTorchServe(python) {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin/java') : 'java';
  if (spawnSync(java, ['-version']).status !== 0) {
    return { missing: 'java 11 or newer (set JAVA_HOME, or add it to PATH)' };
  }
  const program =
    'import os, torch, ts; print(ts.__version__); print(os.path.dirname(os.path.dirname(ts.__file__)))';
  const asked = spawnSync(python, ['-c', program], { encoding: 'utf8' });
  if (asked.status !== 0) {
    const reason = (asked.error?.message ?? asked.stderr).trim().split('\n').at(-1);
    return {
      missing: `a Python with torch and torchserve==${torchServeVersion} (${python}: ${reason})`,
    };
  }
  const [version, home] = asked.stdout.trim().split('\n').slice(-2);
  return version === torchServeVersion
    ? { python, java, home }
    : { missing: `torchserve==${torchServeVersion} (${python} has ${version})` };
}

/** True when the interpreter can import a package. */
export function hasPackage(python, name) {
  return spawnSync(python, ['-c', `import ${name}`]).status === 0;
}

/**
 * Starts TorchServe for one scenario.
 *
 * @param {{python: string, java: string, home: string}} installation
 * @param {import('../../test/compat/compat-case.js').Scenario} scenario
 * @param {{propertiesText: typeof import('../../test/compat/properties.js').propertiesText, writeStore: (folder: string) => Promise<{store: string, elsewhere: string}>}} tools
 * @returns {Promise<import('../../test/compat/play.js').CompatServer & {pid: number}>}
 */
export async function startTorchServe(installation, scenario, { propertiesText, writeStore }) {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-compat-'));
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const folders = await writeStore(folder);
  const [inference, management, metrics, grpcInference, grpcManagement] = await freePorts(5);
  const address = (port) => `http://127.0.0.1:${port}`;
  const addresses = {
    inference_address: address(inference),
    management_address: address(management),
    metrics_address: address(metrics),
    grpc_inference_port: String(grpcInference),
    grpc_management_port: String(grpcManagement),
    model_store: folders.store,
  };
  writeFileSync(join(folder, 'config.properties'), propertiesText(scenario, addresses));
  writeFileSync(join(folder, 'log4j2.xml'), logging);
  const log = join(folder, 'server.log');
  const output = openSync(log, 'w');
  const child = spawn(
    installation.java,
    [
      `-Dmodel_server_home=${installation.home}`,
      `-Djava.io.tmpdir=${temporary}`,
      `-Dlog4j.configurationFile=file://${join(folder, 'log4j2.xml')}`,
      // Else the heap grows to a quarter of the machine's memory.
      '-Xmx256m',
      '-cp',
      `.:${join(installation.home, 'ts/frontend/*')}`,
      'org.pytorch.serve.ModelServer',
      ...['--python', installation.python, '-f', 'config.properties'],
      '-ncs',
    ],
    {
      cwd: folder,
      stdio: ['ignore', output, output],
      // A group of its own: workers that TorchServe leaves behind are ended with it.
      detached: true,
      env: {
        ...process.env,
        TEMP: temporary,
        TMPDIR: temporary,
        LOG_LOCATION: folder,
        METRICS_LOCATION: folder,
        OMP_NUM_THREADS: '1',
      },
    },
  );
  const ended = new Promise((resolve) => child.once('close', resolve));
  closeSync(output);
  const removeAll = () => {
    killGroup(child.pid);
    rmSync(folder, { recursive: true, force: true });
  };
  // A group of its own does not get the interrupt of a terminal.
  process.once('exit', removeAll);
  const close = async () => {
    process.removeListener('exit', removeAll);
    killGroup(child.pid);
    await ended;
    removeAll();
  };
  const deadline = Date.now() + startPatience;
  while (!readFileSync(log, 'utf8').includes('Model server started.')) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const text = readFileSync(log, 'utf8');
      await close();
      throw new Error(`TorchServe did not start:\n${text}`);
    }
    await delay(50);
  }
  const endpoint = (port) => ({ host: '127.0.0.1', port });
  return {
    pid: child.pid,
    endpoints: {
      inference: endpoint(inference),
      // A scenario that sets it wants one address for both.
      management: endpoint(scenario.settings?.management_address ? inference : management),
      metrics: endpoint(metrics),
    },
    ...folders,
    keyFile: join(folder, 'key_file.json'),
    close,
  };
}

function killGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
