import { type CompatCase, jsonBody, on, type Scenario, typed } from '../compat-case.js';

function manage(name: string, method: string, path: string, rest: Parameters<typeof on>[4] = {}) {
  return on('management', name, method, path, rest);
}

/** Six models without workers. */
export const listing: Scenario = {
  name: 'listing',
  register: ['b', 'a', 'd', 'c', 'f', 'e'].map((name) => `url=echo.mar&model_name=${name}`),
  cases: [
    manage('all', 'GET', '/models'),
    manage('a page', 'GET', '/models?limit=2'),
    manage('the next page', 'GET', '/models?limit=2&next_page_token=2'),
    manage('the last page, exactly full', 'GET', '/models?limit=2&next_page_token=4'),
    manage('the last page, not full', 'GET', '/models?limit=4&next_page_token=4'),
    manage('beyond the end', 'GET', '/models?next_page_token=9'),
    manage('at the end', 'GET', '/models?next_page_token=6'),
    manage('limit 0', 'GET', '/models?limit=0'),
    manage('limit -1', 'GET', '/models?limit=-1'),
    manage('limit 101', 'GET', '/models?limit=101'),
    manage('limit 6', 'GET', '/models?limit=6'),
    manage('a limit that is no number', 'GET', '/models?limit=two'),
    manage('a negative token', 'GET', '/models?next_page_token=-1'),
    manage('a token that is no number', 'GET', '/models?next_page_token=x'),
    manage('a limit that is empty', 'GET', '/models?limit='),
    manage('a limit twice', 'GET', '/models?limit=1&limit=2'),
    manage('a limit with a plus', 'GET', '/models?limit=%2B2'),
    manage('with a slash', 'GET', '/models/'),
    manage('PUT', 'PUT', '/models'),
    manage('PATCH', 'PATCH', '/models'),
    manage('DELETE', 'DELETE', '/models'),
  ],
};

const register: readonly CompatCase[] = [
  manage('without url', 'POST', '/models'),
  manage('an empty url', 'POST', '/models?url='),
  manage('an empty url in JSON', 'POST', '/models', jsonBody({ url: '' })),
  manage('a url with ..', 'POST', '/models?url=../echo.mar'),
  manage('a url with .. in percent code', 'POST', '/models?url=%2e%2e/echo.mar'),
  manage('an archive that is not there', 'POST', '/models?url=nope.mar'),
  manage('a file that is no archive', 'POST', '/models?url=garbage.mar'),
  manage('a manifest without model', 'POST', '/models?url=modelless.mar'),
  manage('a manifest with an unknown runtime', 'POST', '/models?url=runtimeless.mar'),
  manage('a manifest with an empty version', 'POST', '/models?url=versionless.mar'),
  manage('an unknown runtime', 'POST', '/models?url=echo.mar&runtime=ruby'),
  manage('a runtime in capitals', 'POST', '/models?url=echo.mar&runtime=PYTHON'),
  manage('JSON that does not parse', 'POST', '/models', typed('application/json', '{"url": ')),
  manage('JSON that is no object', 'POST', '/models', typed('application/json', '[]')),
  manage(
    'JSON of a wrong type',
    'POST',
    '/models',
    typed('application/json', '{"url": "x", "batch_size": "a"}'),
  ),
  manage('an empty JSON body', 'POST', '/models', typed('application/json', '')),
  manage('without workers', 'POST', '/models?url=echo.mar'),
  manage('the same again', 'POST', '/models?url=echo.mar'),
  manage('the same again, by another name', 'POST', '/models?url=echo.mar&model_name=other'),
  manage('describe one without workers', 'GET', '/models/other'),
  manage('another version', 'POST', '/models?url=echo-2.mar'),
  manage(
    'parameters',
    'POST',
    '/models?url=echo.mar&model_name=set&batch_size=4&max_batch_delay=20&response_timeout=7&startup_timeout=9&handler=echo&runtime=python3',
  ),
  manage('describe parameters', 'GET', '/models/set'),
  manage(
    'parameters that are no numbers',
    'POST',
    '/models?url=echo.mar&model_name=unset&batch_size=x&max_batch_delay=&initial_workers=y',
  ),
  manage('describe parameters that are no numbers', 'GET', '/models/unset'),
  manage(
    'parameters below their range',
    'POST',
    '/models?url=echo.mar&model_name=low&batch_size=0&max_batch_delay=-1&response_timeout=-1',
  ),
  manage('describe parameters below their range', 'GET', '/models/low'),
  manage(
    'JSON',
    'POST',
    '/models',
    jsonBody({ url: 'echo.mar', model_name: 'json', batch_size: 2 }),
  ),
  manage('describe what JSON registered', 'GET', '/models/json'),
  manage(
    'JSON: the query does not count',
    'POST',
    '/models?url=echo.mar&model_name=query',
    jsonBody({}),
  ),
  manage('a name from the file', 'POST', '/models?url=nameless.mar'),
  manage('describe a name from the file', 'GET', '/models/nameless'),
  manage('an empty name', 'POST', '/models?url=echo.mar&model_name='),
  manage('with workers', 'POST', '/models?url=double.mar&initial_workers=1&synchronous=true'),
  manage(
    'with workers, by default synchronous',
    'POST',
    '/models?url=linear.mar&initial_workers=2',
  ),
  manage('describe one with two workers', 'GET', '/models/linear'),
  manage(
    'asynchronous without workers',
    'POST',
    '/models?url=echo.mar&model_name=later0&synchronous=false',
  ),
  manage(
    'asynchronous',
    'POST',
    '/models?url=echo.mar&model_name=later&initial_workers=1&synchronous=false',
  ),
  manage('a model that cannot be loaded', 'POST', '/models?url=bad.mar&initial_workers=1'),
  manage(
    'a model that cannot be loaded, asynchronous',
    'POST',
    '/models?url=bad.mar&model_name=bad2&initial_workers=1&synchronous=false',
  ),
  manage(
    'a model that cannot be loaded, without workers',
    'POST',
    '/models?url=bad.mar&model_name=bad3',
  ),
  manage(
    'a handler that is not there',
    'POST',
    '/models?url=echo.mar&model_name=handlerless&handler=nope',
  ),
];

/** Registration. */
export const registration: Scenario = {
  name: 'registration',
  cases: [
    ...register,
    manage('the model that could not be loaded is gone', 'GET', '/models/bad'),
    manage('ping', 'GET', '/ping'),
  ],
};

/** Registration from elsewhere. */
export const byUrl: Scenario = {
  name: 'by-url',
  settings: { allowed_urls: 'file://.*,http://127\\.0\\.0\\.1:1/.*' },
  cases: [
    manage('a url that is not allowed', 'POST', '/models?url=http://127.0.0.2:1/x.mar'),
    manage('a url that nobody serves', 'POST', '/models?url=http://127.0.0.1:1/x.mar'),
    manage('a file that is not there', 'POST', '/models?url=file://{elsewhere}/nope.mar'),
    manage('a file', 'POST', '/models?url=file://{elsewhere}/by-url.mar&model_name=by-url'),
    manage('describe it', 'GET', '/models/by-url'),
    manage(
      'the same file again',
      'POST',
      '/models?url=file://{elsewhere}/by-url.mar&model_name=again',
    ),
    manage('unregister it', 'DELETE', '/models/by-url'),
    manage('its file is gone from the store', 'POST', '/models?url=by-url.mar'),
    manage('a path outside the store', 'POST', '/models?url={elsewhere}/by-url.mar'),
    manage('a path to the store', 'POST', '/models?url={store}/echo.mar'),
    manage('a file of the store', 'POST', '/models?url=file://{store}/double.mar'),
    manage('a folder outside the store', 'POST', '/models?url={elsewhere}/folder'),
  ],
};

/** What may be loaded when nothing is said of it. */
export const defaultUrls: Scenario = {
  name: 'default-urls',
  cases: [
    manage('a url that nobody serves', 'POST', '/models?url=http://127.0.0.1:1/x.mar'),
    manage('a url of a kind that is unknown', 'POST', '/models?url=ftp://127.0.0.1:1/x.mar'),
  ],
};

const scale: readonly CompatCase[] = [
  manage('describe', 'GET', '/models/echo'),
  manage('describe a version', 'GET', '/models/echo/2.0'),
  manage('describe all versions', 'GET', '/models/echo/all'),
  manage('describe with metadata', 'GET', '/models/echo?customized=true'),
  manage('describe with metadata, without workers', 'GET', '/models/echo/2.0?customized=true'),
  manage('describe with customized=false', 'GET', '/models/echo?customized=false'),
  manage('describe a model that is not there', 'GET', '/models/nope'),
  manage('describe all of a model that is not there', 'GET', '/models/nope/all'),
  manage('describe a version that is not there', 'GET', '/models/echo/3.0'),
  manage('to as many as there are', 'PUT', '/models/echo?min_worker=1&synchronous=true'),
  manage('a version', 'PUT', '/models/echo/1.0?min_worker=1&synchronous=true'),
  manage(
    'a version in the query',
    'PUT',
    '/models/echo?model_version=1.0&min_worker=1&synchronous=true',
  ),
  manage('up', 'PUT', '/models/echo?min_worker=2&synchronous=true'),
  manage('describe after up', 'GET', '/models/echo'),
  manage('to a range', 'PUT', '/models/echo?min_worker=1&max_worker=3&synchronous=true'),
  manage('describe after a range', 'GET', '/models/echo'),
  manage('down', 'PUT', '/models/echo?min_worker=1&max_worker=1&synchronous=true'),
  manage('describe after down', 'GET', '/models/echo'),
  manage('to none', 'PUT', '/models/idle?min_worker=0&synchronous=true'),
  manage('without parameters', 'PUT', '/models/echo'),
  manage('what is no number', 'PUT', '/models/echo?min_worker=nan&synchronous=nan'),
  manage('max below min', 'PUT', '/models/echo?min_worker=2&max_worker=1'),
  manage('a negative max', 'PUT', '/models/echo?max_worker=-1'),
  manage('a negative min', 'PUT', '/models/idle?min_worker=-1'),
  manage('a negative min with a max', 'PUT', '/models/idle?min_worker=-1&max_worker=1'),
  manage('a model that is not there', 'PUT', '/models/nope?min_worker=1'),
  manage('a version that is not there', 'PUT', '/models/echo/3.0?min_worker=1'),
  manage('a body does not count', 'PUT', '/models/echo?min_worker=1', jsonBody({ min_worker: 5 })),
];

const versions: readonly CompatCase[] = [
  manage('set a default that is not there', 'PUT', '/models/echo/3.0/set-default'),
  manage('set a default of a model that is not there', 'PUT', '/models/nope/1.0/set-default'),
  manage('remove the default', 'DELETE', '/models/echo/1.0'),
  manage('remove without a version', 'DELETE', '/models/echo'),
  manage('remove a version that is not there', 'DELETE', '/models/echo/3.0'),
  manage('remove a model that is not there', 'DELETE', '/models/nope'),
  manage('set the default', 'PUT', '/models/echo/2.0/set-default'),
  manage('the new default', 'GET', '/models/echo'),
  manage('set-default by another method', 'GET', '/models/echo/1.0/set-default'),
  manage('set-default of something else', 'PUT', '/models/echo/1.0/set-other'),
  manage('remove a version', 'DELETE', '/models/echo/1.0/?synchronous=true'),
  manage('the version is gone', 'GET', '/models/echo/1.0'),
  manage('remove the last', 'DELETE', '/models/echo'),
  manage('the model is gone', 'GET', '/models/echo'),
  on('inference', 'the model is gone for clients', 'GET', '/predictions/echo'),
];

const others: readonly CompatCase[] = [
  manage('PATCH a model', 'PATCH', '/models/idle'),
  manage('POST a model', 'POST', '/models/idle'),
  manage('an unknown path', 'GET', '/bogus'),
  manage('an inference path', 'POST', '/predictions/idle', { body: 'x' }),
  manage('KServe readiness', 'GET', '/v1/models/idle'),
  manage('KServe readiness with workers', 'GET', '/v1/models/busy'),
  manage('KServe readiness of a model that is not there', 'GET', '/v1/models/nope'),
  manage('KServe readiness, posted', 'POST', '/v1/models/idle'),
  manage('KServe readiness of nothing', 'GET', '/v1/models'),
  manage('KServe of another version', 'GET', '/v3/models/idle'),
  manage('register a workflow', 'POST', '/workflows?url=x.war'),
  manage('list workflows', 'GET', '/workflows'),
  manage('a page of workflows', 'GET', '/workflows?limit=0'),
  manage('a workflow that is not there', 'GET', '/workflows/x'),
  manage('remove a workflow that is not there', 'DELETE', '/workflows/x'),
  manage('PUT a workflow', 'PUT', '/workflows/x'),
  manage('PUT workflows', 'PUT', '/workflows'),
  manage('a token while tokens are off', 'GET', '/token?type=inference'),
  manage('metrics', 'GET', '/metrics?name[]=nope'),
];

/** Scaling, versions, and the rest of the management API. */
export const management: Scenario = {
  name: 'management',
  register: [
    'url=echo.mar&initial_workers=1',
    'url=echo-2.mar',
    'url=echo.mar&model_name=idle',
    'url=echo.mar&model_name=busy&initial_workers=1',
  ],
  cases: [...scale, ...versions, ...others],
};

/** The model API as it is by default. */
export const withoutModelApi: Scenario = {
  name: 'without-model-api',
  settings: { enable_model_api: 'false', default_workers_per_model: '1' },
  load: ['echo.mar'],
  cases: [
    manage('register', 'POST', '/models?url=echo.mar'),
    manage('register without url', 'POST', '/models'),
    manage('unregister', 'DELETE', '/models/echo'),
    manage('unregister a model that is not there', 'DELETE', '/models/nope'),
    manage('unregister a version', 'DELETE', '/models/echo/1.0'),
    manage('scale', 'PUT', '/models/echo?min_worker=1&synchronous=true'),
    manage('set the default', 'PUT', '/models/echo/1.0/set-default'),
    manage('list', 'GET', '/models'),
  ],
};
