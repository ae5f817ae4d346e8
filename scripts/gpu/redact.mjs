import { homedir, hostname, userInfo } from 'node:os';
import { root } from '../lib/root.mjs';

/**
 * Makes a function that takes out of texts what names this machine, its user and its folders.
 *
 * @param {object} [names]
 * @param {string} [names.checkout]
 * @param {string} [names.home]
 * @param {string} [names.host]
 * @param {string} [names.user]
 */
export function redactor({
  checkout = root,
  home = homedir(),
  host = hostname(),
  user = userName(),
} = {}) {
  const replacements = [
    [checkout, '.'],
    [home, '~'],
    [host, 'host'],
    // A user of that name is on every machine, and the word in many texts.
    [user === 'root' ? '' : user, 'user'],
  ].filter(([name]) => name.length > 1);
  return (text) =>
    replacements.reduce((rest, [name, word]) => replaceWhole(rest, name, word), text);
}

/** Nothing where the system has no name for who runs this. */
function userName() {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

/** Where it is not part of a longer name. */
function replaceWhole(text, name, word) {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`(?<![\\w-])${quoted}(?![\\w-])`, 'g'), word);
}
