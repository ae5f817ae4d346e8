import { findExecutable } from './process.mjs';
import { SetupError } from './setup-error.mjs';

/** What the scripts call on: the programs of which one must exist, and the packages with it. */
const tools = {
  python3: { programs: ['python3'], apt: 'python3 python3-pip', brew: 'brew install python' },
  pip: { programs: [], apt: 'python3-pip', brew: 'brew install python' },
  cmake: { programs: ['cmake'], apt: 'cmake', brew: 'brew install cmake' },
  'a C++ compiler': {
    programs: ['c++', 'g++', 'clang++'],
    apt: 'g++',
    brew: 'xcode-select --install',
  },
  'make or ninja': { programs: ['ninja', 'make'], apt: 'make', brew: 'xcode-select --install' },
  'clang-format': {
    programs: ['clang-format'],
    apt: 'clang-format',
    brew: 'brew install clang-format',
  },
};

/**
 * The tools of `names` that PATH does not have.
 *
 * @param {(keyof typeof tools)[]} names
 * @param {NodeJS.ProcessEnv} [env]
 */
export function missingTools(names, env = process.env) {
  return names.filter((name) => {
    if (name === 'a C++ compiler' && env.CXX) return !findExecutable(env.CXX.split(' ')[0], env);
    return !tools[name].programs.some((program) => findExecutable(program, env));
  });
}

/**
 * One message that names all that is missing and the command that installs it.
 *
 * @param {(keyof typeof tools)[]} missing
 * @param {string} purpose what needs them
 */
export function missingToolsMessage(missing, purpose, platform = process.platform) {
  const list = missing.join(', ').replace(/, ([^,]*)$/, ' and $1');
  return `${purpose} needs ${list}, not found on PATH. Install with:\n  ${installCommand(missing, platform)}`;
}

function installCommand(missing, platform) {
  if (platform === 'darwin')
    return [...new Set(missing.map((name) => tools[name].brew))].join('\n  ');
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  const packages = new Set(missing.flatMap((name) => tools[name].apt.split(' ')));
  return `${sudo}apt-get install -y ${[...packages].join(' ')}`;
}

/**
 * Throws one SetupError unless all tools are there.
 *
 * @param {(keyof typeof tools)[]} names
 * @param {string} purpose
 */
export function requireTools(names, purpose, env = process.env) {
  const missing = missingTools(names, env);
  if (missing.length > 0) throw new SetupError(missingToolsMessage(missing, purpose));
}
