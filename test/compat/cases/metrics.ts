import { type CompatCase, on, type Scenario } from '../compat-case.js';

function named(...names: string[]): CompatCase {
  const query = names.map((name) => `name[]=${name}`).join('&');
  return on('metrics', names.join(' and '), 'GET', `/metrics?${query}`);
}

/** Metrics that count, in Prometheus' form. */
export const prometheus: Scenario = {
  name: 'prometheus',
  settings: { metrics_mode: 'prometheus' },
  register: ['url=echo.mar&initial_workers=1'],
  cases: [
    on('inference', 'a prediction', 'POST', '/predictions/echo', { body: 'x' }),
    on('inference', 'a prediction of a version', 'POST', '/predictions/echo/1.0', { body: 'x' }),
    on('inference', 'a prediction that fails', 'GET', '/predictions/nope'),
    named('ts_inference_requests_total'),
    named('Requests2XX'),
    named('Requests4XX'),
    named('Requests5XX'),
    named('Requests2XX', 'Requests4XX'),
    named('nope'),
    on('metrics', 'posted', 'POST', '/metrics?name[]=nope', { body: 'x' }),
    on('metrics', 'below the path', 'GET', '/metrics/x?name[]=nope'),
    on('metrics', 'an unknown path', 'GET', '/foo'),
    on('metrics', 'ping', 'GET', '/ping'),
  ],
};

/** The mode that is the default: metrics go to a log. */
export const logMode: Scenario = {
  name: 'log-mode',
  cases: [on('metrics', 'nothing to show', 'GET', '/metrics?name[]=Requests2XX')],
};
