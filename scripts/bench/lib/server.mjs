import { SetupError } from '../../lib/setup-error.mjs';

const startTimeout = 120_000;

/**
 * A server under test, in its own process.
 *
 * @typedef {object} Server
 * @property {number} pid
 * @property {string} url what `ready` found: scheme, host and port
 * @property {string} output what it had printed when it was ready
 * @property {() => void} assertAlive throws SetupError once the process has ended
 * @property {() => Promise<void>} [close] ends it before the benchmark does
 */

/**
 * Starts a server and waits until it prints its URL.
 *
 * @param {import('./children.mjs').Children} children
 * @param {object} server
 * @param {string} server.name for messages
 * @param {string} server.command
 * @param {string[]} server.args
 * @param {RegExp} server.ready matches the printed text; its first group is the URL
 * @param {import('node:child_process').SpawnOptions} [server.options]
 * @returns {Promise<Server>}
 */
export function startServer(children, { name, command, args, ready, options }) {
  const child = children.start(command, args, options);
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = (what) => {
      clearTimeout(timer);
      reject(new SetupError(`${name} ${what}.\n${child.errorText}`));
    };
    const timer = setTimeout(() => fail('printed no URL'), startTimeout);
    const assertAlive = () => {
      if (child.exitCode === null && child.signalCode === null) return;
      const how = child.signalCode ?? `code ${child.exitCode}`;
      throw new SetupError(`${name} ended with ${how} while it was measured.\n${child.errorText}`);
    };
    child.once('error', () => fail('cannot be started'));
    child.once('exit', () => fail('ended before it was ready'));
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (output === undefined) return;
      output += text;
      const match = ready.exec(output);
      if (match === null) return;
      clearTimeout(timer);
      const close = () => children.stop(child);
      resolve({ pid: child.pid, url: match[1], output, assertAlive, close });
      output = undefined; // later output is drained and forgotten
    });
  });
}
