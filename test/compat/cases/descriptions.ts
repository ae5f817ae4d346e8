import { type CompatCase, on, type Scenario } from '../compat-case.js';

const cases: readonly CompatCase[] = [
  on('inference', 'inference', 'OPTIONS', '/'),
  on('management', 'management', 'OPTIONS', '/'),
  on('metrics', 'metrics', 'OPTIONS', '/'),
  on('inference', 'model', 'OPTIONS', '/predictions/echo'),
  on('inference', 'model version', 'OPTIONS', '/predictions/echo/1.0'),
  on('management', 'model management', 'OPTIONS', '/models/echo'),
  on('management', 'model version management', 'OPTIONS', '/models/echo/1.0'),
  on('inference', 'legacy path', 'GET', '/api-description'),
  on('inference', 'legacy path, posted', 'POST', '/api-description', { body: 'x' }),
  on('inference', 'legacy path below another', 'GET', '/foo/api-description'),
  on('management', 'legacy path, management', 'GET', '/api-description'),
  on('metrics', 'legacy path, metrics', 'GET', '/api-description'),
  on('management', 'the root', 'GET', '/'),
  on('metrics', 'the root of metrics', 'GET', '/'),
  on('inference', 'model that is not there', 'OPTIONS', '/predictions/nope'),
  on('inference', 'model version that is not there', 'OPTIONS', '/predictions/echo/3.0'),
  on('management', 'model management, not there', 'OPTIONS', '/models/nope'),
  on('management', 'the list', 'OPTIONS', '/models'),
  on('inference', 'ping', 'OPTIONS', '/ping'),
  on('inference', 'an unknown path', 'OPTIONS', '/foo'),
  on('inference', 'an unknown path of two parts', 'OPTIONS', '/foo/bar'),
  on('inference', 'explanations', 'OPTIONS', '/explanations/echo'),
  on('inference', 'KServe v1', 'OPTIONS', '/v1/models/echo:predict'),
  on('inference', 'KServe v2', 'OPTIONS', '/v2/models/echo/infer'),
  on('inference', 'invocations', 'OPTIONS', '/invocations?model_name=echo'),
  on('inference', 'invoke', 'OPTIONS', '/models/echo/invoke'),
  on('inference', 'legacy predict', 'OPTIONS', '/echo/predict'),
  on('inference', 'all of the server', 'OPTIONS', '*'),
];

/** What the server says of its API. */
export const descriptions: Scenario = {
  name: 'descriptions',
  register: ['url=echo.mar'],
  cases,
};

/** One address for inference and management. */
export const oneAddress: Scenario = {
  name: 'one-address',
  settings: { management_address: '{inference}' },
  register: ['url=echo.mar&initial_workers=1'],
  cases: [
    on('inference', 'description', 'OPTIONS', '/'),
    on('inference', 'ping', 'GET', '/ping'),
    on('inference', 'list', 'GET', '/models'),
    on('inference', 'describe', 'GET', '/models/echo'),
    on('inference', 'describe a version', 'GET', '/models/echo/1.0'),
    on('inference', 'predict', 'POST', '/predictions/echo', { body: 'x' }),
    on('inference', 'invoke', 'POST', '/models/echo/invoke', { body: 'x' }),
    on('inference', 'KServe readiness', 'GET', '/v1/models/echo'),
    on('inference', 'KServe predict', 'POST', '/v1/models/echo:predict', { body: 'x' }),
    on('inference', 'model description', 'OPTIONS', '/predictions/echo'),
    on('inference', 'model management description', 'OPTIONS', '/models/echo'),
    on('inference', 'metrics', 'GET', '/metrics?name[]=nope'),
    on('inference', 'an unknown path', 'GET', '/foo'),
    on('inference', 'scale a version', 'PUT', '/models/echo/1.0?min_worker=1&synchronous=true'),
    on('inference', 'set the default version', 'PUT', '/models/echo/1.0/set-default'),
    on('inference', 'unregister', 'DELETE', '/models/echo'),
  ],
};
