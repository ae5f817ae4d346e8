import { on, type Scenario } from '../compat-case.js';
import type { WireRequest } from '../exchange.js';

function bearer(key: string): { headers: NonNullable<WireRequest['headers']> } {
  return { headers: [['Authorization', `Bearer ${key}`]] };
}

const inferenceKey = bearer('{key:inference}');
const managementKey = bearer('{key:management}');
const apiKey = bearer('{key:API}');

/** Authorization by token. */
export const tokens: Scenario = {
  name: 'tokens',
  settings: { disable_token_authorization: 'false' },
  cases: [
    on('inference', 'a prediction without a token', 'GET', '/predictions/nope'),
    on('inference', 'a prediction with a token', 'GET', '/predictions/nope', inferenceKey),
    on('inference', 'a prediction with the other token', 'GET', '/predictions/nope', managementKey),
    on('inference', 'a prediction with the API key', 'GET', '/predictions/nope', apiKey),
    on('inference', 'a wrong token', 'GET', '/predictions/nope', bearer('x')),
    on('inference', 'an empty token', 'GET', '/predictions/nope', bearer('')),
    on('inference', 'another scheme', 'GET', '/predictions/nope', {
      headers: [['Authorization', 'Basic {key:inference}']],
    }),
    on('inference', 'the scheme in small letters', 'GET', '/predictions/nope', {
      headers: [['Authorization', 'bearer {key:inference}']],
    }),
    on('inference', 'more than a token', 'GET', '/predictions/nope', {
      headers: [['Authorization', 'Bearer {key:inference} x']],
    }),
    on('inference', 'a header in small letters', 'GET', '/predictions/nope', {
      headers: [['authorization', 'Bearer {key:inference}']],
    }),
    on('inference', 'ping without a token', 'GET', '/ping'),
    on('inference', 'ping with a token', 'GET', '/ping', inferenceKey),
    on('inference', 'description without a token', 'OPTIONS', '/'),
    on('inference', 'an unknown path without a token', 'GET', '/foo'),
    on('management', 'a list without a token', 'GET', '/models'),
    on('management', 'a list with a token', 'GET', '/models', managementKey),
    on('management', 'a list with the other token', 'GET', '/models', inferenceKey),
    on('management', 'an unknown management path without a token', 'GET', '/foo'),
    on('metrics', 'metrics without a token', 'GET', '/metrics?name[]=nope'),
    on('management', 'renew without the API key', 'GET', '/token?type=inference'),
    on('management', 'renew with another key', 'GET', '/token?type=inference', managementKey),
    on('management', 'renew', 'GET', '/token?type=inference', apiKey),
    on(
      'inference',
      'the old key after renewal',
      'GET',
      '/predictions/nope',
      bearer('{old:inference}'),
    ),
    on('inference', 'the new key after renewal', 'GET', '/predictions/nope', inferenceKey),
    on('management', 'renew the management key', 'GET', '/token?type=management', apiKey),
    on('management', 'the new management key', 'GET', '/models', managementKey),
    on('management', 'renew what is unknown', 'GET', '/token?type=x', apiKey),
    on('management', 'renew nothing', 'GET', '/token', apiKey),
    on('management', 'renew by another method', 'POST', '/token?type=inference', apiKey),
    on('management', 'a path that holds the word', 'GET', '/models/tokens', managementKey),
    on('management', 'a path that holds the way', 'GET', '/models/token', managementKey),
  ],
};
