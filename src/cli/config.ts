import type { Command } from 'commander';
import { describeSettings, valueInWords } from '../config/describe.js';
import { type Profile, type ResolvedSettings, resolveSettings } from '../config/resolve.js';
import { SconceError } from '../errors.js';
import {
  addSettingFlags,
  addTorchServeFlags,
  commandFlags,
  profileOption,
  settingsFromFlags,
} from './flags.js';

interface ConfigOptions extends Record<string, unknown> {
  profile: Profile;
}

/**
 * `sconce config`: prints the configuration that `sconce serve` with the same flags would use, or
 * with `--profile torchserve` the command `torchserve`.
 */
export function addConfigCommand(program: Command): void {
  const command = program
    .command('config')
    .description('Print every setting, its value and where that comes from.')
    .option('--json', 'Print it as JSON.')
    .addOption(profileOption())
    .action((options: ConfigOptions) => {
      try {
        const resolved = resolve(options);
        console.log(options.json === true ? asJson(resolved) : asText(resolved));
      } catch (error) {
        if (!(error instanceof SconceError)) throw error;
        command.error(error.message);
      }
    });
  addSettingFlags(command);
  addTorchServeFlags(command);
}

function resolve(options: ConfigOptions): ResolvedSettings {
  const { configFile, notes } = commandFlags(options);
  const resolved = resolveSettings({
    flags: settingsFromFlags(options),
    environment: process.env,
    workingFolder: process.cwd(),
    profile: options.profile,
    configFile,
  });
  return { ...resolved, notes: [...notes, ...resolved.notes] };
}

function asText(resolved: ResolvedSettings): string {
  const rows = describeSettings(resolved).map(({ name, value, origin }) => [
    name,
    valueInWords(value),
    origin,
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const [names, values] = [width(0), Math.min(width(1), 40)];
  const lines = rows.map(
    ([name = '', value = '', origin = '']) =>
      `${name.padEnd(names)}  ${value.padEnd(values)}  ${origin}`,
  );
  const file = `Configuration file: ${resolved.configFile ?? 'none'}`;
  const notes = resolved.notes.map((note) => `Note: ${note}`);
  return [file, '', ...lines, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n');
}

function asJson(resolved: ResolvedSettings): string {
  const settings = Object.fromEntries(
    describeSettings(resolved).map(({ name, value, origin }) => [name, { value, origin }]),
  );
  const { configFile = null, notes } = resolved;
  return JSON.stringify({ configFile, settings, notes }, null, 2);
}
