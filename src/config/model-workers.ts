import type { ModelOptionsRequest } from './model-options.js';

/** Between how many instances a model has, and who says so. */
export interface WorkerChoice {
  min: number;
  max: number;
  origin: string;
}

/**
 * TorchServe's order: model-config.yaml when it names both bounds; then `initial_workers` of the
 * management API, or `models` at start; then `defaultWorkersPerModel`. Where none of them says,
 * `instances` start with the server, and none through the API.
 */
export function chooseWorkers(request: ModelOptionsRequest): WorkerChoice {
  return fromFile(request) ?? (request.atStartup ? atStartup(request) : throughApi(request));
}

function fromFile({ config }: ModelOptionsRequest): WorkerChoice | undefined {
  const { minWorkers = 0, maxWorkers = 0, instances } = config;
  const origin = 'model-config.yaml';
  if (minWorkers > 0 && maxWorkers >= minWorkers) {
    return { min: minWorkers, max: maxWorkers, origin };
  }
  return instances === undefined ? undefined : { min: instances, max: instances, origin };
}

function throughApi({ api, settings }: ModelOptionsRequest): WorkerChoice {
  const { initialWorkers } = api;
  return initialWorkers === undefined
    ? fixed(settings.defaultWorkersPerModel, 'setting defaultWorkersPerModel')
    : fixed(Math.max(0, initialWorkers), 'API');
}

function atStartup({ entry, settings }: ModelOptionsRequest): WorkerChoice {
  const usual =
    settings.defaultWorkersPerModel > 0
      ? fixed(settings.defaultWorkersPerModel, 'setting defaultWorkersPerModel')
      : fixed(settings.instances, 'setting instances');
  const { minWorkers = 0, maxWorkers = 0 } = entry ?? {};
  if (minWorkers <= 0 && maxWorkers <= 0) return usual;
  // One bound alone: the other is the usual number, as far as the first lets it.
  const max = maxWorkers > 0 ? maxWorkers : Math.max(usual.max, minWorkers);
  const min = minWorkers > 0 ? minWorkers : Math.min(usual.min, max);
  return { min, max: Math.max(min, max), origin: 'setting models' };
}

function fixed(count: number, origin: string): WorkerChoice {
  return { min: count, max: count, origin };
}
