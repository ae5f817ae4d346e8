import { once } from 'node:events';
import { SetupError } from '../../lib/setup-error.mjs';

/**
 * What a process prints until it ends.
 *
 * @param {import('./children.mjs').Children} children
 * @param {string} command
 * @param {string[]} args
 * @param {string} [input] for its stdin
 */
export async function collect(children, command, args, input = '') {
  const child = children.start(command, args);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) {
    throw new SetupError(`${command} ended with code ${code}.\n${output}${child.errorText}`);
  }
  return output;
}
