import type { Scenario } from './compat-case.js';

/** Lines of config.properties that every scenario has. */
const common = {
  enable_model_api: 'true',
  disable_token_authorization: 'true',
  disable_system_metrics: 'true',
};

/**
 * The text of config.properties for a scenario.
 *
 * @param addresses the server's own lines. `{inference}` in the scenario stands for its
 *   inference_address.
 */
export function propertiesText(
  scenario: Scenario,
  addresses: Readonly<Record<string, string>>,
): string {
  const lines = {
    ...addresses,
    ...common,
    ...scenario.settings,
    ...(scenario.load === undefined ? {} : { load_models: scenario.load.join(',') }),
  };
  return Object.entries(lines)
    .map(([key, value]) => {
      const filled = value.replace('{inference}', addresses.inference_address ?? '');
      return `${key}=${filled.replaceAll('\\', '\\\\')}\n`;
    })
    .join('');
}
