import { type Command, Option } from 'commander';
import { type Profile, profileDefaults } from '../config/resolve.js';
import { allSettings, type Setting } from '../config/setting.js';
import { valueFromText } from '../config/setting-text.js';

/** What the flags of `torchserve` say beside settings. */
export interface CommandFlags {
  start: boolean;
  stop: boolean;
  foreground: boolean;
  /** `--ts-config`. */
  configFile: string | undefined;
  /** Flags that were given and have no effect, one sentence each. */
  notes: string[];
}

/** Flags of TorchServe's that are taken and have no effect, by their long names. */
const meaninglessFlags: Record<string, { short?: string; why: string }> = {
  'workflow-store': { why: 'workflows are not served' },
  'log-config': {
    why: 'there is no log4j here; --log-level and --log-location say what is logged and where',
  },
  'cpp-log-config': { why: 'models run in this process, without C++ workers' },
  'plugins-path': {
    short: 'ppath',
    why: "plugins are Java's, and there is no Java virtual machine here",
  },
};

/** Whose defaults are taken. */
export function profileOption(): Option {
  return new Option('--profile <name>', 'Whose defaults are taken.')
    .choices(Object.keys(profileDefaults))
    .default('sconce');
}

/**
 * One flag for each setting that has one; help shows the defaults of the profile.
 *
 * @param isWanted which settings; all by default
 */
export function addSettingFlags(
  command: Command,
  profile: Profile = 'sconce',
  isWanted: (setting: Setting) => boolean = () => true,
): void {
  const defaults = new Map<string, unknown>(Object.entries(profileDefaults[profile]));
  for (const setting of allSettings) {
    const { flag, group } = setting;
    if (flag === undefined || !isWanted(setting)) continue;
    const fallback = defaults.get(setting.name) ?? setting.fallback;
    const option = new Option(`${flag} ${argumentOf(setting)}`, describe(setting, fallback));
    command.addOption(option.helpGroup(`${group}:`));
  }
}

/**
 * The flags of `torchserve` that are no settings, and its other names of settings. To be called
 * after addSettingFlags().
 */
export function addTorchServeFlags(command: Command): void {
  const add = (flags: string, description: string) =>
    command.addOption(new Option(flags, description).helpGroup('As with TorchServe:'));
  add('--start', 'Start the server, which happens without it as well.');
  add('--stop', 'Stop the server that runs.');
  add('--foreground', 'Stay in the foreground.');
  add('--ts-config <file>', 'Read this config.properties.');
  add('--ncs, --no-config-snapshots', 'Neither read nor write snapshots of the configuration.');
  add('--dt, --disable-token-auth', 'Ask for no tokens.');
  for (const [name, { short, why }] of Object.entries(meaninglessFlags)) {
    add(`${short === undefined ? '' : `--${short}, `}--${name} <path>`, `No effect: ${why}.`);
  }
}

/**
 * The values of flags as settings: numbers, booleans and lists out of text. What is wrong stays as
 * it is, for the schema to refuse.
 */
export function settingsFromFlags(options: Record<string, unknown>): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  if (options.disableTokenAuth === true) settings.disableTokenAuthorization = true;
  for (const setting of allSettings) {
    if (setting.flag === undefined) continue;
    const value = options[attributeOf(setting.flag)];
    if (value !== undefined) settings[setting.name] = convert(setting, value);
  }
  return settings;
}

/** What the other flags say. */
export function commandFlags(options: Record<string, unknown>): CommandFlags {
  const { start, stop, foreground, tsConfig } = options;
  return {
    start: start === true,
    stop: stop === true,
    foreground: foreground === true,
    configFile: typeof tsConfig === 'string' ? tsConfig : undefined,
    notes: Object.entries(meaninglessFlags)
      .filter(([name]) => options[attributeOf(`--${name}`)] !== undefined)
      .map(([name, { why }]) => `--${name} has no effect: ${why}`),
  };
}

function argumentOf({ type }: Setting): string {
  if (type === 'boolean') return '[true|false]';
  return type === 'array' ? '<entry...>' : '<value>';
}

function describe({ description }: Setting, fallback: unknown): string {
  const none = fallback === undefined || (Array.isArray(fallback) && fallback.length === 0);
  return none ? description : `${description} (default: ${JSON.stringify(fallback)})`;
}

/** The name that commander keeps a flag's value under. */
function attributeOf(flag: string): string {
  return new Option(flag).attributeName();
}

function convert(setting: Setting, value: unknown): unknown {
  if (typeof value === 'string') return valueFromText(setting, value);
  if (!Array.isArray(value)) return value;
  return value.flatMap((entry) => valueFromText(setting, String(entry)));
}
